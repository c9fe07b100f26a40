"""The citizens' side, and our example.

posts.py               Het Plein, the citizens' square: its posts, sent to the bot by webhook, and the bot's replies
routes.py              the same over HTTP
places.py              as what it can be seen: platforms that come in from outside
threads.py             where a post stands among the others
static/                its column of the page
example_posts.py       the posts of the first minute of `webcare try`, and of the afternoon before
example_workspace.py   the Slack workspace of Gemeente Voorbeeld
"""

"""The citizens' side, and our example.

posts.py               Het Plein, the citizens' square: its posts, sent to the bot by webhook, and the bot's replies
routes.py              the same over HTTP
places.py              the platforms, from outside, that it can stand for
threads.py             where a post is among the others
static/                its column of the page
example_posts.py       the posts of the first minute of `webcare try`, and of the afternoon before
example_workspace.py   the Slack workspace of Gemeente Voorbeeld
"""

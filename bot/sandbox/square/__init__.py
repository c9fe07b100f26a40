"""What is about citizens, and our example.

posts.py               Het Plein, the citizens' square: its posts, and their way to the bot and back by webhooks
static/                its column of the page
example_posts.py       what citizens post in the first minute of `webcare try`, and the afternoon before
example_workspace.py   the Slack workspace of Gemeente Voorbeeld
"""

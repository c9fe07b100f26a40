"""A place to try the bot and to test it, without any account elsewhere.

    slack/     the local Slack: speaks Slack's protocols and enforces Slack's rules; knows no particular app
    square/    the citizens' square, and our example: a made-up municipality's workspace and its citizens' posts
    app.py     both together, as `webcare try` and the tests run them; static/ is the page that shows both

It knows nothing of the bot, and slack/ knows nothing of the square. Each has a static/ with its part of the
page in the browser, served under its path below this folder, so that imports between them are the same on disk.
"""

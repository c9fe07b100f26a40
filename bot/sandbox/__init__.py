"""The local Slack workspace behind `webcare try`, and the one fake Slack of the tests.

It speaks Slack's protocols (Web API, Socket Mode, signed HTTP, response URLs) to a bot that runs
unchanged, and holds that bot to Slack's rules: limits, scopes, acknowledgement and trigger times.

    rules.py       what Slack allows: times, rates; the pace of calls
    faults.py      what goes wrong on purpose
    app.py         the app as Slack knows it: its manifest, tokens and scopes
    workspace.py   the state: people, channels, messages, modals, homes, files
    tickets.py     what lives briefly: trigger ids and response URLs
    method.py      a Web API method and its errors; web_api.py serves them
    chat.py conversations.py people.py modals.py files.py    the methods, a family a file
    events.py      which events there are, and which the app hears
    answers.py     what the app's acknowledgements and response-URL posts do
    blocks.py elements.py data_blocks.py check.py            Block Kit's limits
    state.py       what the inputs of a view or message hold
    payloads.py    the shapes Slack sends to an app
    delivery.py    Socket Mode and signed HTTP, and acknowledgements
    acting.py      what a person does: click, type, submit, post, command
    looking.py     what a test sees
    page.py        the page in the browser;  square.py  the citizens' square
    server.py      all of it on one loopback port

It imports aiohttp, standardwebhooks and the standard library, and nothing of the bot.
"""

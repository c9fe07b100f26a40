"""A local Slack workspace for one app.

It speaks Slack's protocols (Web API, Socket Mode, signed HTTP, response URLs) to an app that runs
unchanged, and enforces Slack's rules: limits, scopes, acknowledgement and trigger times.

    rules.py            what Slack allows: times, rates; the pace of calls
    faults.py           faults that a test causes
    installed_app.py    the app as Slack knows it: its manifest, tokens and scopes
    workspace.py        the state: people, channels, messages, modals, homes, files
    tickets.py          trigger ids and response URLs, which expire
    api_method.py       a Web API method and its errors; web_api.py serves them
    chat.py conversations.py people.py modals.py files.py    the methods, one family per file
    events.py           which events there are, and which the app gets
    app_answers.py      what acknowledgements and posts to response URLs do
    blocks.py elements.py data_blocks.py rich_text.py block_check.py      Block Kit's limits
    input_state.py      the values of the inputs of a view or message
    suggestions.py      the options that the app offers in an external select
    payloads.py         the payloads that Slack sends to an app
    delivery.py         Socket Mode and signed HTTP, and acknowledgements
    person_actions.py   what a person does: click, type, submit, post, command
    inspection.py       what a test reads
    page.py static/     the page in the browser: its web socket and its files
    server.py           serves all of it on one loopback port

The caller passes in the people of the workspace, and what the page shows beside it.
It imports aiohttp and the standard library, and nothing of ours.
"""

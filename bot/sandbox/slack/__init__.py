"""A local Slack workspace for one app.

It speaks Slack's protocols (Web API, Socket Mode, signed HTTP, response URLs) to an app that runs
unchanged, and holds that app to Slack's rules: limits, scopes, acknowledgement and trigger times.

    rules.py            what Slack allows: times, rates; the pace of calls
    faults.py           what goes wrong on purpose
    installed_app.py    the app as Slack knows it: its manifest, tokens and scopes
    workspace.py        the state: people, channels, messages, modals, homes, files
    tickets.py          what lives briefly: trigger ids and response URLs
    api_method.py       a Web API method and its errors; web_api.py serves them
    chat.py conversations.py people.py modals.py files.py    the methods, a family a file
    events.py           which events there are, and which the app hears
    app_answers.py      what the app's acknowledgements and response-URL posts do
    blocks.py elements.py data_blocks.py block_check.py      Block Kit's limits
    input_state.py      what the inputs of a view or message hold
    suggestions.py      what the app offers for what was typed in an external select
    payloads.py         the shapes Slack sends to an app
    delivery.py         Socket Mode and signed HTTP, and acknowledgements
    person_actions.py   what a person does: click, type, submit, post, command
    inspection.py       what a test sees
    page.py static/     the page in the browser: its web socket and its files
    server.py           all of it on one loopback port

Who is in the workspace, and what is shown beside it, comes in from outside.
It imports aiohttp and the standard library, and nothing of ours.
"""

"""The webcare bot: a mention becomes a card in Slack, the team answers, the citizen reads it where they wrote.

Two doors lead in: `handlers/` (a click) and `jobs/` (the clock). What they share is here:

desk.py        what everything works with: sessions, Slack, connectors, lanes, the clock, the language
domain/        the rules, pure: the life of a case, what a mention is, signing a reply
models/        the tables, one family a file; CaseFile: everything about one case
cases.py       what agents do: claim, release, assign, escalate, advise, close, reopen, note
inbox.py       take in posts: skip known ones, join or open a case, reopen; conversations.py which case they join
clocks.py      what is timed: started, paused and stopped as a case moves
teams.py       what a team sets for itself (team_settings.py), in forms (settings_forms.py, settings_fields.py); undo.py
outbox.py      send a reply once, and write down what the platform said
cards.py       make Slack's messages equal to the state, again and again; shown.py what each shows
slack_calls.py the calls that place messages, with Slack's errors sorted
views/         state in, Block Kit out; one surface a file
connectors/    one platform a file; base.py is the protocol
reports.py     figures of a team in a period; standing.py how it stands now; export.py the lines behind the figures
digests.py     what a digest tells; overview.py what the Home shows
accounts.py    the accounts on platforms; manual.py hand-made cases
agents.py      the agents' initials and roles; presence.py who is away or on duty, absence.py as Slack shows it
duty.py        calling those on duty to what is urgent
wake.py        lanes: "this channel, account or feed has work"
app.py         the Bolt app; web.py the routes beside it; run.py puts all together
cli*.py        the command `webcare`; check*.py what `webcare check` looks at; trying.py `webcare try`
past.py        the weeks that lie behind the team of `webcare try`
config.py      the settings; seal.py tokens at rest; logs.py logs without contents; texts.py the languages (locales/)
db.py          engine, sessions, migrations/
sandbox/       the local Slack workspace and the citizens' square; knows nothing of the rest

Who may import whom is held by tests/test_architecture.py.
"""

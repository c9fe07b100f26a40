"""The webcare bot: a mention becomes a card in Slack, the team answers, the citizen reads it where they wrote.

Two doors lead in: `handlers/` (a click) and `jobs/` (the clock). What they share is here:

app.py       the Bolt app                run.py    puts everything together and runs it
desk.py      what every handler and job works with: sessions, Slack, connectors, lanes, the clock, the language
config.py    the settings                db.py     engine, sessions, migrations/
wake.py      lanes: "this channel, account or feed has work"
logs.py      logs without contents       texts.py  the languages (locales/)

domain/      the rules, pure: the life of a case, opening hours, norms, periods, signing a reply
models/      the tables, one family a file; CaseFile: all that is known of one case
views/       state in, Block Kit out; one surface a file
connectors/  the platforms, one a file or folder; base.py is the protocol
cases/       what agents do with a case, how posts come in, which case they join, what is timed
outgoing/    what leaves for a platform, each once; the drafts of what does not yet
slack/       our messages made equal to the state; the calls that do so; what Slack tells us
accounts/    the accounts on platforms, their secrets, the web routes, hand-made cases
team/        what a team sets, its agents and their roles, who is in its channel; undo
staffing/    who is away, who is on duty; the cases of who no longer answers
figures/     what is counted of a team; what the digest, the export and the Home show of it
cli/         the command `webcare`
trial/       what `webcare try` adds
sandbox/     slack/ the local Slack, square/ the citizens' square; knows nothing of the rest

Who may import whom is held by tests/test_architecture.py.

Locks are taken in one order everywhere, so that two transactions wait for one another and never for each other: team,
person, account, cases and their words, case counts, drafts, replies and acts, agents, clocks, messages. Of several rows
of one table the lowest id comes first (of acts the highest). A transaction that changes several cases locks all of them
(`cases.lock_all`) before anything that comes after them.
"""

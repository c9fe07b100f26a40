"""The webcare bot: a mention becomes a card in Slack, the team answers, the citizen reads it where they wrote.

There are two entrances: `handlers/` (a click) and `jobs/` (the clock). What they share is here:

app.py       the Bolt app                run.py    puts everything together and runs it
desk.py      what every handler and job works with: sessions, Slack, connectors, lanes, the clock, the language
disk.py      whether the database has room
config.py    the settings                db.py     engine, sessions, migrations/; sqlite_driver.py
many.py      many values in one parameter of a statement
wake.py      lanes: "this channel, account or feed has work"
             own_lanes.py  those of one process    shared_lanes.py  those of several
logs.py      logs without contents       texts.py  the languages (locales/)
by_clock.py  what the clock does with cases of open teams
meters.py    what a process counts       web_server.py    a web server that ends in time
steady_clock.py    the time, also when the machine's clock is set

domain/      the rules, pure: the life of a case, opening hours, norms, periods, signing a reply
models/      the tables, one family per file; CaseFile: everything we know of one case
views/       state in, Block Kit out; one surface per file
connectors/  the platforms, each a file or folder; base.py is the protocol
cases/       what agents do with a case, how posts come in, which case they join, what is timed
outgoing/    everything that we send to a platform, each once; drafts of answers
slack/       make our messages equal to the state; the calls that do so; what Slack reports
accounts/    the accounts on platforms, their secrets, the web routes, hand-made cases
team/        a team's settings, its agents and their roles, who is in its channel; undo
staffing/    who is away, who is on duty; the cases of colleagues who no longer answer
figures/     what we count for a team; what the digest, the export and the Home show of it
keeping/     backups, bringing one back, moving to PostgreSQL, and whether the database is sound
watch/       what monitors ask: whether it lives, whether it is ready, how it does
cli/         the command `webcare`
trial/       what `webcare try` adds
sandbox/     slack/ the local Slack, square/ the citizens' square; knows nothing of the rest

tests/test_architecture.py checks which package may import which.

Locks are taken in one order everywhere, so that two transactions cannot deadlock: team, person, account, workspace,
cases and their words, case counts, subjects, drafts, replies and acts, agents, clocks, messages. Within one table the
lowest id comes first (for acts the highest). A transaction that changes several cases locks all of them
(`cases.lock_all`) before anything later in this order, and so does one that marks the messages of several. Last of all,
right before the commit, come the jobs of the queue, by the names of their lanes.
"""

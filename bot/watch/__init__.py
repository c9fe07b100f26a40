"""Who watches the bot: what monitors ask of it, and what is told of its faults.

web.py        the routes: /healthz, /readyz, /health, /metrics; who may ask what; the id of each request
readiness.py  whether this process can take work
health.py     how the database, Slack and each account are
metrics.py    the text of /metrics: what this process counted, and what is in the database
stored.py     what is in the database: cases, messages, replies, acts and accounts that wait
sentry.py     our faults to Sentry, without contents; only if it is set
recent.py     one answer for all who ask at the same time
"""

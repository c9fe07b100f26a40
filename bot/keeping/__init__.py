"""Keeping the data: backups, bringing one back, and what the database must hold to be sound.

files.py     files that appear whole or not at all
sqlite.py    copy, check and hold an SQLite file
postgres.py  pg_dump and pg_restore
unfinished.py  a PostgreSQL database that is being filled
backup.py    make a backup while the bot runs
restore.py   put a backup in the place of the database
settling.py  what may have been done since the backup is not done again
copying.py   move an SQLite installation to PostgreSQL
soundness.py   what is wrong with what the database holds
leftovers.py   messages in Slack that are newer than the database lose their buttons
"""

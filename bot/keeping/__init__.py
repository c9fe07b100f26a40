"""Keeping the data: backups, bringing one back, and what the database must hold to be sound.

files.py     files that appear whole or not at all
sqlite.py    copy, check and hold an SQLite file
postgres.py  pg_dump and pg_restore
backup.py    make a backup while the bot runs
"""

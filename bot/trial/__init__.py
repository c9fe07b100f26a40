"""Trial: what `webcare try` adds to the bot: its start (`trying`), the team's past weeks (`demo_history`), the
platforms that can be tried out (`platforms`) and the citizens' posts there (`elsewhere`).
"""

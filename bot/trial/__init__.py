"""Trial: what `webcare try` adds to the bot: its start (`trying`), the team's last weeks (`demo_history`), the
platforms that can be tried out (`platforms`) and what citizens write there (`elsewhere`).
"""

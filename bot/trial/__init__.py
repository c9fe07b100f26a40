"""Trial: what `webcare try` adds to the bot: its start (`trying`) and the team's last weeks (`demo_history`)."""

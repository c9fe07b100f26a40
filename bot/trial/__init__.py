"""Trial: what `webcare try` adds to the bot: its start (`trying`) and the weeks behind the team (`demo_history`)."""

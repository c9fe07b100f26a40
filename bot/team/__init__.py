"""Team: a team's settings, its agents and their roles, and how to undo changes of these."""

"""Team: what a team sets for itself, its agents and their roles, and undoing a change of these."""

"""Figures: what is counted of a team, and what the digest, the export and the Home show of it."""

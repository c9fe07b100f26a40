"""Figures: what we count for a team, and what the digest, the export and the Home show of it."""

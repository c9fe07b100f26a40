"""A click comes in."""

"""The clock comes in."""

"""The webcare bot."""

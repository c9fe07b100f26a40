"""Outgoing: whatever leaves for a platform, each once."""

"""Slack: our messages made equal to the state (messages, rendering), the calls that do so, and what Slack tells us."""

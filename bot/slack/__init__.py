"""Slack: make our messages equal to the state (messages, rendering), the calls that do so, and what Slack reports."""

"""Staffing: who is away, who is on duty, and calls to urgent cases."""

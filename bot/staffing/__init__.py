"""Staffing: who is away, who is on duty, and calling them to what is urgent."""

"""Outgoing: whatever leaves for a platform, each once.

replies.py    approve a reply, take it back, decide on one with an unknown outcome
composing.py  what is published for an agent's words, and what makes a reply valid
outbox.py     send what is due, one account a lane
queue.py      what is due next
outcomes.py   what became of it
retry.py      when it is tried again
"""

"""What the platforms of Meta have in common; each of them is a connector of its own.

graph.py     requests to the Graph API, the verdicts on its answers, and how near we are to its limit
hooks.py     the one address to which an app sends what happens to all our accounts
health.py    what a check finds out: whether the token works and until when, and whether news is sent to us
newest.py    what is new in a list that Graph gives newest first
messages.py  private messages and private answers: reading, sending within the time for it, finding
again.py     posts that we know, looked at again
signing_in.py  one sign-in brings many pages, and the Instagram accounts that are linked to them
setup.py     what an app of Meta's needs, as options and as first steps
parts.py     ids, lists, posts that are gone
"""

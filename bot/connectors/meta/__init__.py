"""What Meta's platforms have in common; each is a separate connector.

graph.py     requests to the Graph API, the verdicts on its answers, and how near we are to its limit
hooks.py     the one address to which an app pushes the events of all our accounts
health.py    checks: whether the token works and until when, and whether news is pushed to us
newest.py    the new items of a list that Graph gives newest first
messages.py  private messages and private answers: reading, sending within the time for it, finding
again.py     check known posts again
signing_in.py  one sign-in gives many pages, and the Instagram accounts that are linked to them
setup.py     what an app at Meta needs, as options and as first steps
parts.py     ids, lists, posts that are gone
"""

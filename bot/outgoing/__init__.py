"""Outgoing: everything that we send to a platform, each once.

replies.py     approve a reply, take it back, decide on one with an unknown outcome
moderation.py  approve an act (hide, like, remove our answer, and back), take it back
hiding.py      hide a post for a house rule: the copy that is stored, a second colleague, the review
looking_again.py  proposals that wait for a second colleague, and the review of hidden posts
drafts.py      what an agent types is stored until it is sent, and who is writing
composing.py   what is published for an agent's words, and what makes a reply valid
repeating.py   what was answered on a subject before: a proposal, and whether an answer only repeats that
cleaning.py    an image is rewritten with nothing but the picture
images.py      the images of answers, stored while an answer or a draft uses them
outbox.py      send what is due, one lane per account
queue.py       what is due next: replies and acts in order of time
outcomes.py    store the result
waiting.py     what could not be sent for long: its thread says so, once
retry.py       when to try again
"""

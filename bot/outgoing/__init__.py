"""Outgoing: whatever leaves for a platform, each once.

replies.py     approve a reply, take it back, decide on one with an unknown outcome
moderation.py  approve an act (hide, like, remove our answer, and back), take it back
hiding.py      hide a post for a house rule: the copy that is kept, a second colleague, looked at again
looking_again.py  what waits for a second colleague, and hidden posts that are looked at again
drafts.py      what an agent types is kept until it is sent, and who is writing
composing.py   what is published for an agent's words, and what makes a reply valid
cleaning.py    an image is written anew, without anything that is not the picture
images.py      the images of answers, kept as long as an answer or a draft has them
outbox.py      send what is due, one account a lane
queue.py       what is due next: replies and acts in order of time
outcomes.py    what became of it
retry.py       when it is tried again
"""

"""The fullest webhook of each phone system, from the fields that its documentation names.

How long a list may be is nowhere said, so it is as long as a big call centre would make it: a ring
of 20 agents, a conversation of 10 parts, a batch of 10 events.
"""

"""What users and admins taught the server of spam: counts of words that stand as keyed digests.

Knows nothing of mailboxes or messages: `domain/mail` notes what is to be learnt, and
`pipeline/learning` does it.
"""

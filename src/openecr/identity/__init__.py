"""Who is asking: signatures, access keys, tokens, and secrets at rest.

Lives here: deciding whether a signature, a token or a password holds (`sigv4.py`, `tokens.py`,
`credentials.py`), sealing what must be stored readable (`sealed.py`), and the outcome, a `Caller`.
Not here: whether the caller may (`operations/authorize.py`), how a front speaks of a refusal, and any
I/O: secrets, sessions and the time are handed in.
To add a way of proving who one is: a module of its own, which ends in facts for a `Caller`.
"""

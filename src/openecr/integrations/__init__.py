"""Other systems, each behind a small promise.

`outbound.py` is the one way out: every address that somebody else chose is asked through it, or not at
all, for its bounds and its rules are what keeps us from being sent against our own network (SSRF).
`oidc_keys.py` finds the key set of an OIDC issuer, in a file or by asking it. Not here: what the answer
means for a caller (`operations/`, `identity/`), and anything that is stored.

To add a system: a module that promises values of its own and raises errors of its own. It takes an
`Outbound`; it opens no socket itself.
"""

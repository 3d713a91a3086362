"""What things are, and the rules they obey. Pure: no I/O, no clock, no randomness, no store.

Values are frozen and valid because they exist; what makes them raises on anything else. A rule
that needs nothing but its arguments goes here; one that must look something up is an operation's.
To add a noun: one file of its name.
"""

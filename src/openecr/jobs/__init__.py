"""What happens later, or by itself: checking, cleaning up.

A job is a function that is given the stores and the time, may be run as often as one likes, and may
be cut short anywhere: running it again does what is left. Not here: what somebody asked for (an
operation), when jobs run (server/). To add one: a file named by what it does, and a line where the
server starts its jobs.

    fsck.py            what must always hold between rows, and between rows and bytes
    expire_uploads.py  uploads nobody goes on with
"""

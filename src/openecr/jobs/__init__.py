"""What happens later, or by itself: checking, cleaning up, what follows from what somebody did.

A job is a function that is given its Work (work.py): the stores, the time, what it is about. It may be run
as often as one likes and may be cut short anywhere: running it again does what is left. It says where it
may be cut short by `work.step()`. Not here: what somebody asked for (an operation), when a process starts
and stops its worker (server/). To add one: a file named by what it does, its line in kinds.py and, if it
follows from an event, one in triggers.py.

    kinds.py           the table: which jobs there are, and which come by themselves, how often
    triggers.py        event → jobs: the other table
    dispatch.py        outbox rows → job rows by that table, in one transaction
    worker.py          claims jobs that are due and runs them: leases, retries, schedules
    figures.py         what jobs have found and done, as numbers for the metrics
    fsck.py            what must always hold between rows, and between rows and bytes
    check.py           fsck by itself, every hour
    collect_garbage.py  blobs that nothing holds any more
    take_inventory.py  bytes that no row speaks of
    service_event.py   how the audit is told what was done by itself
    scrub.py           whether stored bytes are still what they were
    expire_uploads.py  uploads nobody goes on with
    follow_subject.py  signatures and other referrers go where their subject went
    expire_images.py   lifecycle policies are followed; lifecycle_events.py: how the audit is told
    preview_lifecycle.py  what a policy would do
    expire_sessions.py  temporary credentials that have ended
    archive_layers.py  layers of archived images go to the archive
    restore_images.py  archived images that are wanted again, with their layers
    move_bytes.py      how a blob goes from one tier to the other
"""

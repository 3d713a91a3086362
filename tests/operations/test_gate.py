"""What is said of operations is true of them."""

import inspect

from openecr.operations.all import OPERATIONS


def test_an_operation_that_only_reads_begins_no_transaction():
    """It would wait for the writer in a thread that readers need, and leave no audit record. One that runs on
    the loop may: it is begun anew in a writers' thread (NeedsThread)."""
    readers = {
        operation.run for operation in OPERATIONS.values() if operation.read_only and not operation.inline
    }
    assert len(readers) > 40
    writing = [run.__name__ for run in readers if "call.transaction(" in inspect.getsource(run)]
    assert writing == []

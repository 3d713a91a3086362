"""Where a call runs, and how bytes are fed to an operation that takes them."""

import asyncio
import threading
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from openecr.domain.registry import private_registry
from openecr.errors import (
    AccessDeniedException,
    InvalidLayerException,
    RequestAbortedException,
    ServiceUnavailable,
)
from openecr.identity.caller import root_caller
from openecr.operations.call import Call, Stores
from openecr.operations.gate import READS, Gate, Operation, nothing
from openecr.server.pools import READING_THREADS, Pools

STORES = Stores(None, None, None, None, None, None, lambda: datetime.now(UTC))
NUMBER = "123456789012"


def a_call(function, *, name="PutThing", inline=False, takes_bytes=False, resources=nothing, given=None):
    operation = Operation(
        name=name,
        services=("ecr",),
        run=function,
        action=name,
        resources=resources,
        context=None,
        inline=inline,
        unlisted=frozenset(),
        takes_bytes=takes_bytes,
        read_only=name.startswith(READS),
    )
    registry = private_registry(NUMBER, "us-east-1")
    return Call(operation, "ecr", root_caller(NUMBER), registry, given or {}, STORES.clock(), STORES)


def performed(*calls, body=None, threads=2, max_waiting=100):
    """Perform calls at once; their outputs, and the audit records."""
    records = []

    async def main():
        pools = Pools(Gate(STORES, records.append), threads=threads, max_waiting=max_waiting)
        try:
            return await asyncio.gather(*(pools.perform(call, body) for call in calls))
        finally:
            pools.close()

    return asyncio.run(main()), records


async def batches(*parts, error=None):
    for part in parts:
        yield part
    if error is not None:
        raise error


def taking(call):
    """An operation that takes bytes, and tells what it was given and where it ran."""
    given = call.input["given"]
    given.append("begun")
    try:
        while batch := (yield):
            given.append(batch)
            assert threading.current_thread().name.startswith("call")
    except GeneratorExit:
        given.append("left")
        raise
    if b"wrong" in given:
        raise InvalidLayerException
    return {"count": len(given) - 1}


def where(call):
    return {"thread": threading.current_thread().name}


def test_an_inline_operation_runs_on_the_loop():
    [output], _ = performed(a_call(where, inline=True))
    assert output == {"thread": "MainThread"}


def test_one_that_has_to_write_is_begun_anew_in_a_thread_for_writers():
    begun = []

    def look_and_write(call):
        begun.append(threading.current_thread().name)
        if call.on_loop:
            call.transaction()
        return {}

    call = replace(a_call(look_and_write, name="DescribeThing", inline=True), on_loop=True)
    assert performed(call) == ([{}], [])
    assert begun == ["MainThread", begun[1]]
    assert begun[1].startswith("call")


def test_any_other_runs_in_a_thread():
    [output], records = performed(a_call(where))
    assert output["thread"].startswith("call")
    assert [record["eventName"] for record in records] == ["PutThing"]


def test_no_more_run_than_there_are_threads():
    lock, running, most = threading.Lock(), [0], [0]
    both = threading.Barrier(2, timeout=10)

    def measured(call):
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        both.wait()
        with lock:
            running[0] -= 1
        return {}

    performed(*(a_call(measured) for _ in range(20)), threads=2)
    assert most[0] == 2


def test_too_many_waiting_are_told_to_come_back():
    async def main():
        pools = Pools(Gate(STORES, lambda record: None), threads=1, max_waiting=2)
        go_on = threading.Event()
        calls = [
            asyncio.create_task(pools.perform(a_call(lambda call: go_on.wait(10) and {}))) for _ in range(3)
        ]
        await asyncio.sleep(0)
        assert pools.busy == 3
        with pytest.raises(ServiceUnavailable):
            await pools.perform(a_call(where))
        assert (await pools.perform(a_call(where, inline=True)))["thread"] == "MainThread"
        go_on.set()
        await asyncio.gather(*calls)
        assert pools.busy == 0
        assert (await pools.perform(a_call(where)))["thread"].startswith("call")
        pools.close()

    asyncio.run(main())


def test_calls_that_wait_keep_nobody_from_reading():
    async def main():
        pools = Pools(Gate(STORES, lambda record: None), threads=1, max_waiting=0)
        go_on = threading.Event()
        stuck = asyncio.create_task(pools.perform(a_call(lambda call: go_on.wait(10) and {})))
        await asyncio.sleep(0)
        with pytest.raises(ServiceUnavailable):
            await pools.perform(a_call(where))
        assert (await pools.perform(a_call(where, name="DescribeThing")))["thread"].startswith("read")
        assert not stuck.done()
        go_on.set()
        await stuck
        pools.close()

    asyncio.run(main())


def test_too_many_who_wait_to_read_are_told_to_come_back():
    async def main():
        pools = Pools(Gate(STORES, lambda record: None), max_waiting=1)
        go_on = threading.Event()
        slow = a_call(lambda call: go_on.wait(10) and {}, name="DescribeThing")
        reads = [asyncio.create_task(pools.perform(slow)) for _ in range(READING_THREADS + 1)]
        await asyncio.sleep(0)
        with pytest.raises(ServiceUnavailable):
            await pools.perform(a_call(where, name="DescribeThing"))
        go_on.set()
        await asyncio.gather(*reads)
        pools.close()

    asyncio.run(main())


# Bytes.


@pytest.mark.parametrize("parts", [(), (b"one",), (b"one", b"two"), (b"one", b"two", b"three")])
def test_an_operation_is_given_every_batch_in_order(parts):
    given = []
    call = a_call(taking, takes_bytes=True, given={"given": given})
    [output], records = performed(call, body=batches(*parts))
    assert output == {"count": len(parts)}
    assert given == ["begun", *parts]
    assert len(records) == 1


def test_without_a_body_the_bytes_are_in_the_input():
    given = []
    call = a_call(taking, takes_bytes=True, given={"given": given, "layerPartBlob": b"bytes"})
    [output], _ = performed(call)
    assert (output, given) == ({"count": 1}, ["begun", b"bytes"])


def test_a_caller_who_may_not_is_refused_before_a_byte_is_asked_for():
    async def untouched():
        raise AssertionError("the body was asked for")
        yield

    def denied(call):
        raise AccessDeniedException("not you")

    given = []
    call = a_call(taking, takes_bytes=True, resources=denied, given={"given": given})
    with pytest.raises(AccessDeniedException):
        performed(call, body=untouched())
    assert given == []


@pytest.mark.parametrize("parts", [(), (b"one",), (b"one", b"two"), (b"one", b"two", b"three")])
def test_a_client_that_leaves_lets_the_operation_put_its_things_in_order(parts):
    given = []
    call = a_call(taking, takes_bytes=True, given={"given": given})
    with pytest.raises(RequestAbortedException):
        performed(call, body=batches(*parts, error=RequestAbortedException()))
    assert given[-1] == "left"


def test_an_operation_that_refuses_what_it_was_given_is_audited_and_left():
    given = []
    call = a_call(taking, takes_bytes=True, given={"given": given})
    records = []

    async def main():
        pools = Pools(Gate(STORES, records.append))
        with pytest.raises(InvalidLayerException):
            await pools.perform(call, batches(b"one", b"wrong"))
        pools.close()

    asyncio.run(main())
    assert [record["errorCode"] for record in records] == ["InvalidLayerException"]


def test_an_operation_that_refuses_at_once_takes_no_bytes():
    def refusing(call):
        raise InvalidLayerException
        yield

    with pytest.raises(InvalidLayerException):
        performed(a_call(refusing, takes_bytes=True), body=batches(b"one", b"two"))

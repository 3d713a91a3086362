"""Request ids, the log, the audit file."""

import errno
import io
import json
import subprocess
import sys
import threading
import uuid

from multidict import CIMultiDict

from openecr.port import Request
from openecr.server.telemetry import ANONYMOUS_REFUSALS, AuditFile, Log, RequestIds, Telemetry


def lines(style, write):
    stream = io.StringIO()
    log = Log(style, stream)
    write(log)
    log.close()
    return stream.getvalue().splitlines()


def a_request(path="/v2/", agent="test/1"):
    return Request("the-id", "GET", path, "a=b", CIMultiDict({"User-Agent": agent}), "::1", "http", None)


def test_a_request_id_is_a_random_uuid():
    new_id = RequestIds()
    made = [new_id() for _ in range(1000)]
    assert len(set(made)) == 1000
    assert all(str(uuid.UUID(each)) == each for each in made)
    assert all(uuid.UUID(each).version == 4 and uuid.UUID(each).variant == uuid.RFC_4122 for each in made)


def test_a_line_says_when_what_and_how_bad():
    [line] = lines("json", lambda log: log.write("warning", "certificate", reason="old"))
    told = json.loads(line)
    assert (told["level"], told["event"], told["reason"]) == ("warning", "certificate", "old")
    assert told["time"].endswith("Z")
    [line] = lines("text", lambda log: log.write("warning", "certificate", reason="very old"))
    assert line.endswith('Z warning certificate reason="very old"')


def test_nobody_forges_a_line():
    agent = 'x\n2026-01-01T00:00:00Z error crashed "\x1b[31m'
    for style in ("text", "json"):
        told = lines(
            style,
            lambda log: Telemetry(log, access_log=True).answered("oci", a_request(agent=agent), 200, 0, 0),
        )
        assert len(told) == 1
        assert "\x1b" not in told[0]


def test_a_signed_url_is_not_written_down():
    def write(log):
        telemetry = Telemetry(log, access_log=True)
        telemetry.answered("server", a_request("/-/layers/secret"), 200, 0, 0)
        telemetry.crashed(a_request("/-/layers/secret"), RuntimeError())

    told = lines("text", write)
    assert not any("secret" in line for line in told)
    assert any("/-/layers/" in line for line in told)


def test_without_an_access_log_only_what_went_wrong_is_told():
    def write(log):
        telemetry = Telemetry(log, access_log=False)
        telemetry.answered("oci", a_request(), 200, 0, 0)
        telemetry.malformed("::1", "nonsense")
        telemetry.crashed(a_request(), RuntimeError("a mistake of ours"))

    told = lines("text", write)
    assert "crashed" in told[0]
    assert "id=the-id" in told[0]
    assert told[-1] == "    RuntimeError: a mistake of ours"


def test_lines_of_many_threads_are_all_written():
    def write(log):
        threads = [
            threading.Thread(target=lambda: [log.write("info", "event", n=n) for n in range(500)])
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert len(lines("text", write)) == 2000


class Full(io.StringIO):
    """A stream on a disk without room."""

    def flush(self):
        raise OSError(errno.ENOSPC, "no room")


def test_a_stream_that_takes_no_more_loses_lines_and_nothing_else():
    log = Log("text", Full())
    log.write("info", "event")
    log.close()
    assert log.lost == 1


# The audit file.


def test_audit_records_are_lines_of_json(tmp_path):
    log = Log("text", io.StringIO())
    for number in range(2):
        audit = AuditFile(tmp_path / "audit.jsonl", log)
        audit.write({"eventID": str(number), "text": "a\nb"})
        audit.close()
    log.close()
    written = [json.loads(line) for line in (tmp_path / "audit.jsonl").read_text().splitlines()]
    assert [record["eventID"] for record in written] == ["0", "1"]
    assert (tmp_path / "audit.jsonl").stat().st_mode & 0o777 == 0o600


def test_nobody_in_particular_cannot_fill_the_disk_with_refusals(tmp_path):
    audit = AuditFile(tmp_path / "audit.jsonl", Log("text", io.StringIO()))
    for number in range(200):
        audit.write({"eventID": str(number), "errorCode": "X", "userIdentity": {"accountId": "anonymous"}})
    audit.write({"eventID": "known", "errorCode": "X", "userIdentity": {"accountId": "123456789012"}})
    audit.close()
    written = [json.loads(line)["eventID"] for line in (tmp_path / "audit.jsonl").read_text().splitlines()]
    assert len(written) - 1 in (ANONYMOUS_REFUSALS, 2 * ANONYMOUS_REFUSALS)  # a second may have ended
    assert audit.withheld == 200 - (len(written) - 1)
    assert written[-1] == "known"


def test_a_record_that_cannot_be_written_is_told_and_counted():
    stream = io.StringIO()
    log = Log("text", stream)
    audit = AuditFile("/dev/full", log)
    audit.write({"eventID": "the-event"})
    audit.close()
    log.close()
    assert audit.lost == 1
    assert "id=the-event" in stream.getvalue()


ON_A_FULL_DISK = """
import io, resource, sys
from openecr.server.telemetry import ANONYMOUS_REFUSALS, AuditFile, Log
log = Log("text", io.StringIO())
audit = AuditFile(sys.argv[1], log)
whole = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, whole[1]))
for number in "12":
    audit.write({"eventID": number, "text": "x" * 50})
resource.setrlimit(resource.RLIMIT_FSIZE, whole)
audit.write({"eventID": "3"})
print(audit.lost)
"""


def test_a_record_that_was_cut_spoils_no_other(tmp_path):
    path = tmp_path / "audit.jsonl"
    ran = subprocess.run([sys.executable, "-c", ON_A_FULL_DISK, path], capture_output=True, check=True)
    first, cut, last = path.read_text().splitlines()
    assert (ran.stdout, json.loads(first)["eventID"], json.loads(last)["eventID"]) == (b"1\n", "1", "3")
    assert cut.startswith('{"eventID":"2"')

"""What happened: request ids, the log, the counters, the audit file.

The hot path appends a tuple and adds to a few integers; lines are made and written by a thread, some
times a second. A line costs a microsecond that way (structlog's logfmt takes 14, and a fifth of a
second and 10 MB at start). Metrics are given the form of Prometheus when they are asked for.

What is counted here is of this process. What jobs find and do is the same for all processes: they leave it
as rows (jobs/figures.py), which job_metrics.py reads.
"""

import os
import sys
import threading
import time
import traceback
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import orjson

from openecr.blobs.files import FileBlobs
from openecr.operations.audit import AuditRecord
from openecr.port import Request

if TYPE_CHECKING:
    from prometheus_client import Metric

FLUSH_SECONDS = 0.2
MAX_WAITING_LINES = 100_000
"""Where standard error takes no more, lines are lost, and counted, before memory is."""
DURATION_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)
AUDIT_FILE = "audit.jsonl"
ANONYMOUS_REFUSALS = 20
"""Records a second, in each process."""
SIGNED = "/-/layers/"
"""Where the paths of signed URLs begin (downloads.py)."""

_RANDOM_BYTES = 4096
_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}

Facts = dict[str, Any]


class RequestIds:
    """Random UUIDs (version 4), a page of randomness at a time: the system call is what they cost."""

    def __init__(self) -> None:
        self._digits = ""
        self._used = 0

    def __call__(self) -> str:
        start = self._used
        if start == len(self._digits):
            self._digits, start = os.urandom(_RANDOM_BYTES).hex(), 0
        self._used = start + 32
        d = self._digits[start : start + 32]
        return f"{d[:8]}-{d[8:12]}-4{d[13:16]}-{_VARIANT[d[16]]}{d[17:20]}-{d[20:]}"


class Log:
    """Lines on a stream, from any thread, without waiting for it.

    style  text or json
    """

    def __init__(self, style: str, stream: TextIO | None = None) -> None:
        self.lost = 0
        self._render = _as_json if style == "json" else _as_text
        self._stream = sys.stderr if stream is None else stream
        self._waiting: deque[tuple[float, str, str, Facts]] = deque()
        self._something = threading.Event()
        self._is_closing = threading.Event()
        self._thread = threading.Thread(target=self._write_lines, name="log", daemon=True)
        self._thread.start()

    def write(self, level: str, event: str, **facts: Any) -> None:
        """A line: `level` is info, warning or error; facts are texts and numbers."""
        if len(self._waiting) >= MAX_WAITING_LINES:
            self.lost += 1
            return
        self._waiting.append((time.time(), level, event, facts))
        if not self._something.is_set():
            self._something.set()

    def close(self) -> None:
        """Write what waits."""
        self._is_closing.set()
        self._something.set()
        self._thread.join()

    def _write_lines(self) -> None:
        while not self._is_closing.is_set():
            self._something.wait()
            self._is_closing.wait(FLUSH_SECONDS)
            self._something.clear()
            self._write_waiting()
        self._write_waiting()

    def _write_waiting(self) -> None:
        lines = []
        while self._waiting:
            lines.append(self._render(*self._waiting.popleft()))
        try:
            self._stream.write("".join(lines))
            self._stream.flush()
        except OSError:  # nobody reads it any more, or the disk is full
            self.lost += len(lines)


def _as_json(at: float, level: str, event: str, facts: Facts) -> str:
    return orjson.dumps({"time": _time(at), "level": level, "event": event} | facts).decode() + "\n"


def _as_text(at: float, level: str, event: str, facts: Facts) -> str:
    trace = "".join(f"    {line}\n" for line in facts.pop("trace", "").splitlines())
    told = " ".join([f"{name}={_value(value)}" for name, value in facts.items()])
    return f"{_time(at)} {level:7} {event} {told}\n{trace}"


def _value(value: Any) -> str:
    """As it is where that is one word, else in JSON's quotes: nobody forges a line of ours."""
    text = str(value)
    if text.isascii() and text.isprintable() and " " not in text and '"' not in text and text:
        return text
    return orjson.dumps(text).decode()


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Telemetry:
    """The adapter's Observer."""

    def __init__(self, log: Log, *, access_log: bool) -> None:
        self.log = log
        self._access_log = access_log
        self._answers: dict[tuple[str, str, int], int] = {}
        self._durations: dict[str, list[int]] = {}  # by front: one number per bucket, one for the rest
        self._seconds: dict[str, float] = {}
        self._sent: dict[str, int] = {}
        self._malformed = 0
        self._crashed = 0

    def answered(self, front: str, request: Request, status: int, sent: int, seconds: float) -> None:
        method = request.method
        key = (front, method, status)
        self._answers[key] = self._answers.get(key, 0) + 1
        durations = self._durations.get(front)
        if durations is None:
            durations = self._durations[front] = [0] * (len(DURATION_BUCKETS) + 1)
            self._seconds[front], self._sent[front] = 0.0, 0
        durations[bisect_left(DURATION_BUCKETS, seconds)] += 1
        self._seconds[front] += seconds
        self._sent[front] += sent
        if self._access_log:
            self.log.write(
                "info",
                "request",
                front=front,
                method=method,
                path=shown(request.path),
                status=status,
                sent=sent,
                ms=round(seconds * 1000, 1),
                source=request.source_address,
                agent=request.headers.get("User-Agent", ""),
                id=request.id,
            )

    def malformed(self, source_address: str, reason: str) -> None:
        self._malformed += 1
        if self._access_log:
            self.log.write("info", "malformed", source=source_address, reason=reason)

    def crashed(self, request: Request | None, error: BaseException) -> None:
        """A mistake of ours: the whole story, under the request's id."""
        self._crashed += 1
        told = (
            {}
            if request is None
            else {"method": request.method, "path": shown(request.path), "id": request.id}
        )
        self.log.write("error", "crashed", **told, trace="".join(traceback.format_exception(error)))

    def families(self) -> Iterable["Metric"]:
        """The counters as Prometheus takes them. May be called in another thread."""
        from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily

        answers = CounterMetricFamily(
            "openecr_http_requests", "Requests answered.", labels=["front", "method", "status"]
        )
        for (front, method, status), count in list(self._answers.items()):
            answers.add_metric([front, method, str(status)], count)
        yield answers

        durations = HistogramMetricFamily(
            "openecr_http_request_seconds",
            "From the request's head to the answer's last byte.",
            labels=["front"],
        )
        sent = CounterMetricFamily("openecr_http_sent_bytes", "Bytes of bodies sent.", labels=["front"])
        for front, counts in list(self._durations.items()):
            durations.add_metric([front], _cumulative(counts), self._seconds[front])
            sent.add_metric([front], self._sent[front])
        yield durations
        yield sent

        yield CounterMetricFamily(
            "openecr_http_malformed", "Connections that sent no HTTP.", value=self._malformed
        )
        yield CounterMetricFamily(
            "openecr_crashes", "Requests ended by a mistake of ours.", value=self._crashed
        )
        yield CounterMetricFamily("openecr_log_lost_lines", "Lines of the log lost.", value=self.log.lost)


def shown(path: str) -> str:
    """A path as the log may have it: a signed URL is a key, and whoever reads the log has no right to it."""
    return SIGNED + "…" if path.startswith(SIGNED) else path


def _cumulative(counts: list[int]) -> list[tuple[str, float]]:
    """Counts per bucket → (upper bound, how many are not above it), the last for all."""
    bounds = [str(bound) for bound in DURATION_BUCKETS] + ["+Inf"]
    total = 0
    buckets: list[tuple[str, float]] = []
    for bound, count in zip(bounds, counts, strict=True):
        total += count
        buckets.append((bound, float(total)))
    return buckets


class Exposition:
    """The text of /-/metrics: everything the sources tell, made when it is asked for."""

    def __init__(self, sources: list[Callable[[], Iterable["Metric"]]]) -> None:
        self._sources = sources

    def collect(self) -> Iterable["Metric"]:
        for source in self._sources:
            yield from source()

    def text(self) -> tuple[str, bytes]:
        """Its media type and its bytes."""
        from prometheus_client import CollectorRegistry
        from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        return CONTENT_TYPE_LATEST, generate_latest(registry)


def blob_families(blobs: FileBlobs) -> Iterable["Metric"]:
    from prometheus_client.metrics_core import CounterMetricFamily

    yield CounterMetricFamily(
        "openecr_rehashed_bytes",
        "Staged bytes that were read once more because their running digest was not here.",
        value=blobs.rehashed_bytes,
    )


class AuditFile:
    """Records of calls as lines of JSON, appended to a file that nothing else writes.

    A record is with the kernel when this returns: a crash of the process loses none. A disk that takes
    no more does not undo what was done, so it is told in the log and counted, not raised.
    """

    def __init__(self, path: Path, log: Log) -> None:
        self.lost = 0
        self.withheld = 0
        self._second = 0
        self._refused = 0  # anonymous callers, in that second
        self._log = log
        self._is_torn = False
        """Whether the last line is a part of a record: the next one must not stand behind it."""
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def write(self, record: AuditRecord) -> None:
        """Keep a record; a refusal that has an explanation is a line of the log too.

        Of refusals of anonymous callers only so many a second are kept: anybody can cause them, and the disk
        is also that of the images. The others are counted.
        """
        if "errorCode" in record and record["userIdentity"]["accountId"] == "anonymous":
            self._refused = self._refused + 1 if self._second == int(time.monotonic()) else 1
            self._second = int(time.monotonic())
            if self._refused > ANONYMOUS_REFUSALS:
                self.withheld += 1
                return
        if (told := record.get("additionalEventData")) is not None:
            self._log.write("warning", "refused", id=record["requestID"], text=record["errorMessage"], **told)
        line = orjson.dumps(record) + b"\n"
        if self._is_torn:
            line = b"\n" + line
        try:
            written = os.write(self._file, line)
        except OSError as error:
            self._lose(record, error.strerror)
            return
        self._is_torn = written < len(line)
        if self._is_torn:
            self._lose(record, "the disk took a part of it")

    def close(self) -> None:
        os.close(self._file)

    def families(self) -> Iterable["Metric"]:
        from prometheus_client.metrics_core import CounterMetricFamily

        yield CounterMetricFamily("openecr_audit_lost_records", "Audit records lost.", value=self.lost)
        yield CounterMetricFamily(
            "openecr_audit_withheld_records",
            "Refusals of anonymous callers that were too many in a second to be kept.",
            value=self.withheld,
        )

    def _lose(self, record: AuditRecord, reason: str | None) -> None:
        self.lost += 1
        self._log.write("error", "audit record lost", reason=reason, id=record["eventID"])

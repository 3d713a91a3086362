"""The figures of all rounds → two Markdown tables: what was measured, and which gates hold."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from bench.content import MIB
from bench.workloads import Figures, Gate, Workload

OURS = "openecr"

Rounds = Mapping[str, Sequence[Figures]]
"""Of one workload: by the server's name, its figures in each round, in their order; none where it failed."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How a figure is told, and whether more of it is better."""

    text: Callable[[float], str]
    more_is_better: bool
    label: str


def _seconds(value: float) -> str:
    if value < 0.001:
        return f"{value * 1e6:.0f} µs"
    return f"{value * 1e3:.1f} ms" if value < 1 else f"{value:.2f} s"


def _mebibytes(value: float) -> str:
    return f"{value / MIB:.1f} MiB"


KINDS = {
    "cpu": Kind(_seconds, False, "CPU"),
    "authorising": Kind(lambda value: f"{value * 1e6:+.0f} µs to authorise", False, "authorising"),
    "rate": Kind(lambda value: f"{value:,.0f}/s", True, "rate"),
    "p50": Kind(_seconds, False, "p50"),
    "p99": Kind(_seconds, False, "p99"),
    "alone": Kind(lambda value: f"{_seconds(value)} alone", False, "p99 alone"),
    "times": Kind(lambda value: f"{value:.2f} times", False, "p99 to p99 alone"),
    "uploaded": Kind(lambda value: f"{value / 1e6:,.0f} MB/s up", True, "uploaded"),
    "start": Kind(_seconds, False, "start"),
    "took": Kind(_seconds, False, "took"),
    "growth": Kind(lambda value: f"{value / MIB:+.1f} MiB", False, "growth"),
    "memory": Kind(_mebibytes, False, "memory"),
}


def figures_table(results: Mapping[str, Rounds], workloads: Sequence[Workload], peers: Sequence[str]) -> str:
    """A line per workload: medians of every server, ours against each by CPU and by rate, and the verdict."""
    others = [peer for peer in peers if peer != OURS]
    head = ["workload", *peers, "CPU: times less than", "rate: times that of", "gates"]
    lines = []
    for workload in workloads:
        rounds = results[workload.name]
        cells = [_medians(workload, rounds[peer]) if peer in rounds else "–" for peer in peers]
        ratios = [_ratios(rounds, figure, others) for figure in ("cpu", "rate")]
        lines.append([workload.title, *cells, *ratios, _verdict(workload, rounds)])
    return _markdown(head, lines)


def gates_table(results: Mapping[str, Rounds], workloads: Sequence[Workload]) -> str:
    """A line per gate: what is asked, what was measured, whether it holds."""
    lines = [
        [workload.title, gate_text(gate), *_outcome(gate, results[workload.name])]
        for workload in workloads
        for gate in workload.gates
    ]
    tally = ", ".join(
        f"{sum(line[3] == word for line in lines)} {word}" for word in ("pass", "FAIL", "not measured")
    )
    return _markdown(["workload", "gate", "measured", "verdict"], lines) + f"\nGates: {tally}.\n"


def gate_text(gate: Gate) -> str:
    kind = KINDS[gate.figure]
    if gate.peer:
        return f"{kind.label} ≥ {gate.bound:g}x {gate.peer}"
    return f"{kind.label} {'≥' if kind.more_is_better else '≤'} {kind.text(gate.bound)}"


def ratio(rounds: Rounds, figure: str, peer: str) -> float | None:
    """How many times better ours is than the peer's: the median of the rounds; None if not measured."""
    pairs = [
        (ours[figure], theirs[figure])
        for ours, theirs in zip(rounds.get(OURS, ()), rounds.get(peer, ()), strict=False)
        if figure in ours and figure in theirs
    ]
    if not pairs:
        return None
    if KINDS[figure].more_is_better:
        return median(ours / theirs for ours, theirs in pairs)
    return median(theirs / ours for ours, theirs in pairs)


def _outcome(gate: Gate, rounds: Rounds) -> tuple[str, str]:
    kind = KINDS[gate.figure]
    if not rounds.get(OURS, [{}]):
        return "failed", "FAIL"
    if gate.peer:
        measured = ratio(rounds, gate.figure, gate.peer)
        if measured is None:
            return "", "not measured"
        return f"{measured:.2f}x", "pass" if measured >= gate.bound else "FAIL"
    ours = [figures[gate.figure] for figures in rounds.get(OURS, ())]
    if not ours:
        return "", "not measured"
    value = median(ours)
    holds = value >= gate.bound if kind.more_is_better else value <= gate.bound
    return kind.text(value), "pass" if holds else "FAIL"


def _medians(workload: Workload, rounds: Sequence[Figures]) -> str:
    if not rounds:
        return "failed"
    told = [
        name for name in rounds[0] if not (name == "p99" and workload.size_bytes)
    ]  # of few, it says nothing
    return ", ".join(_text(workload, name, median(one[name] for one in rounds)) for name in told)


def _text(workload: Workload, name: str, value: float) -> str:
    if name == "rate" and workload.size_bytes:
        return f"{value * workload.size_bytes / 1e6:,.0f} MB/s"
    if name in ("p50", "p99"):
        return f"{name} {_seconds(value)}"
    return KINDS[name].text(value)


def _ratios(rounds: Rounds, figure: str, others: Sequence[str]) -> str:
    found = ((peer, ratio(rounds, figure, peer)) for peer in others)
    return ", ".join(f"{peer} {value:.2f}" for peer, value in found if value is not None) or "–"


def _verdict(workload: Workload, rounds: Rounds) -> str:
    verdicts = [(gate, _outcome(gate, rounds)[1]) for gate in workload.gates]
    return "; ".join(f"{gate_text(gate)}: {verdict}" for gate, verdict in verdicts)


def _markdown(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rows = [head, ["---"] * len(head), *lines]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)

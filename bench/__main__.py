"""`make bench`, or `python -m bench` from the top of the repository, in the development environment.

    python -m bench --quick                    one short round, without what moves more than 100 MiB at a time
    python -m bench --only manifest --rounds 7
    REGISTRY_V3=/path/registry ZOT=/path/zot MOTO=/path/moto_server python -m bench

Needs wrk and, for the peers, nginx and docker-registry, all from Debian. Everything stays on the loopback
interface.
"""

import argparse
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from subprocess import SubprocessError

from botocore.exceptions import BotoCoreError, ClientError

from bench.content import GIB, Source
from bench.cpu import LOAD_CORE, SERVER_CORE
from bench.peers import Peer, available
from bench.report import figures_table, gates_table
from bench.workloads import WORKLOADS, Figures, Workload

FULL_RUN_BYTES = 40 * GIB
FAILURES = (AssertionError, EOFError, OSError, RuntimeError, SubprocessError, BotoCoreError, ClientError)
"""What a server that does not do its work looks like from here; its other workloads go on."""


def main() -> None:
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # and the servers with it
    workloads = [
        workload
        for workload in WORKLOADS
        if not (options.quick and workload.heavy)
        and (not options.only or any(name in workload.name for name in options.only))
    ]
    kinds = [kind for kind in available() if not options.peers or kind.name in options.peers]
    if not options.quick and shutil.disk_usage(options.directory).free < FULL_RUN_BYTES:
        print(f"A full run may fill {FULL_RUN_BYTES // GIB} GiB of {options.directory}.", file=sys.stderr)

    with (
        tempfile.TemporaryDirectory(prefix="openecr-bench-", dir=options.directory) as directory,
        ExitStack() as stack,
    ):
        source = Source(Path(directory))
        peers = []
        for kind in kinds:
            peer = kind(Path(directory) / kind.name.replace(" ", "-"), source)
            peer.start()
            stack.callback(peer.stop)
            peer.log_in()
            peers.append(peer)
        results = {
            workload.name: _measure(workload, peers, options.rounds, options.seconds)
            for workload in workloads
        }

    names = [peer.name for peer in peers]
    print(f"Servers on core {SERVER_CORE}, load from core {LOAD_CORE}; medians of {options.rounds} rounds.\n")
    print(figures_table(results, workloads, names))
    print(gates_table(results, workloads))


def _measure(
    workload: Workload, peers: Sequence[Peer], rounds: int, seconds: int
) -> dict[str, list[Figures]]:
    """All rounds of one workload; in each, every server that can do it, beginning with another one."""
    able = [
        peer
        for peer in peers
        if workload.needs in peer.can and (peer.name == "openecr" or not workload.ours_only)
    ]
    results: dict[str, list[Figures]] = {peer.name: [] for peer in able}
    failed: set[str] = set()
    for number in range(rounds):
        for index in range(len(able)):
            peer = able[(number + index) % len(able)]
            if peer.name in failed:
                continue
            try:
                figures = workload.measure(peer, seconds)
            except FAILURES as failure:
                failed.add(peer.name)
                told = f"FAILED, {failure!r}"
            else:
                results[peer.name].append(figures)
                told = ", ".join(f"{name} {value:.6g}" for name, value in figures.items())
            print(f"{workload.name} [{number + 1}/{rounds}] {peer.name}: {told}", file=sys.stderr, flush=True)
    for name in failed:
        results[name] = []
    return results


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", metavar="NAME", help="workloads whose name contains this")
    parser.add_argument("--peers", action="append", metavar="NAME", help="only these servers: " + _names())
    parser.add_argument("--rounds", type=int, help="how often each is measured (5, or 1 with --quick)")
    parser.add_argument("--seconds", type=int, help="how long each measurement lasts (2, or 1 with --quick)")
    parser.add_argument(
        "--quick", action="store_true", help="one short round, nothing heavy: a look, not a result"
    )
    parser.add_argument("--directory", default="/var/tmp", help="where data go; a real disk, not a tmpfs")
    options = parser.parse_args()
    options.rounds = options.rounds or (1 if options.quick else 5)
    options.seconds = options.seconds or (1 if options.quick else 2)
    return options


def _names() -> str:
    return ", ".join(kind.name for kind in available())


if __name__ == "__main__":
    main()

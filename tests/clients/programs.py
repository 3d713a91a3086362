"""Other people's programs: one that ends (`Program`) and one that stays (`Daemon`).

Both run with the environment they are given and no other (conftest.py, `environment`). Nothing here
sleeps: a daemon is ready when it has said so.
"""

import re
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

LIMIT_SECONDS = 300  # for a program that ends; the slowest, a 1 GiB push, needs a tenth
START_SECONDS = 60
STOP_SECONDS = 30


@dataclass(frozen=True)
class Program:
    """A client, called with the rest of its command line.

    flags   by subcommand, of one word or two, what every call of it needs: `{"copy": ("--quiet",)}`
    """

    command: tuple[str | Path, ...]
    environment: Mapping[str, str] = field(repr=False)
    flags: Mapping[str, Sequence[str]] = field(default_factory=dict, repr=False)

    def __call__(self, *arguments: str | Path, stdin: str = "") -> str:
        """What it printed, without blanks at either end; an AssertionError with all it said if it failed."""
        ended = self._run(arguments, stdin)
        assert ended.returncode == 0, _report(ended)
        return ended.stdout.strip()

    def refused(self, *arguments: str | Path, stdin: str = "") -> str:
        """What it complained about; an AssertionError if it did not fail."""
        ended = self._run(arguments, stdin)
        assert ended.returncode != 0, _report(ended)
        return ended.stderr.strip()

    def _run(self, arguments: Sequence[str | Path], stdin: str) -> subprocess.CompletedProcess[str]:
        words = list(map(str, arguments))
        for length in (2, 1):
            if flags := self.flags.get(" ".join(words[:length])):
                words[length:length] = flags
                break
        return subprocess.run(
            [*self.command, *words],
            input=stdin,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=LIMIT_SECONDS,
        )


class Daemon:
    """A program that runs from here until `stop()`, or the end of a `with`.

    ready   a pattern; the first line of its output that has it says that it may be asked. That match is
            kept as `.ready`; `.said` has all lines so far
    """

    def __init__(self, *command: str | Path, ready: str, environment: Mapping[str, str]):
        self._process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.said: list[str] = []
        self._match: re.Match[str] | None = None
        self._known = threading.Event()
        self._listener = threading.Thread(target=self._listen, args=(re.compile(ready),), daemon=True)
        self._listener.start()
        self._known.wait(START_SECONDS)
        if self._match is None:
            self.kill()
            raise AssertionError(f"{command[0]} did not start. It said:\n{''.join(self.said)}")
        self.ready = self._match

    def _listen(self, ready: re.Pattern[str]) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                self.said.append(line)
                if self._match is None and (match := ready.search(line)):
                    self._match = match
                    self._known.set()
        self._known.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        return self._process.pid

    def stop(self) -> int:
        """Ask it to end, as an init system would.

        returns   its exit code; an AssertionError, and no mercy, when it takes longer than STOP_SECONDS
        """
        self._process.terminate()
        try:
            code = self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"it did not end. It said:\n{''.join(self.said)}") from None
        self._listener.join(STOP_SECONDS)
        return code

    def kill(self) -> None:
        """kill -9, as of a process out of luck. What has ended already stays so."""
        self._process.kill()
        self._process.wait()
        self._listener.join(STOP_SECONDS)


def _report(ended: subprocess.CompletedProcess[str]) -> str:
    return f"{' '.join(map(str, ended.args))}\nexit code {ended.returncode}\n{ended.stdout}{ended.stderr}"

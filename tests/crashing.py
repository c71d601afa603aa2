"""A program that does what it is told and is killed in the middle of it. Run as a script; see ``Victims``."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from builders import NOW, cycle, make_dataset, publish_unjudged
from drops import make_source, take

from resift.steps.compact import commit_compaction, merge_group, plan_compaction
from resift.steps.sweep import sweep as sweep_pool
from resift.storage import LocalStore

DATASET = make_dataset(size=120, turnover=0.25, nominal_width=0.9)
OPERATIONS = ("get", "get_range", "open", "stat", "list", "put", "put_file", "create", "swap", "copy", "delete")
NEVER = 0


class DyingStore:
    """A local store whose process is killed just before its n-th operation."""

    def __init__(self, root: Path, *, kill_before: int) -> None:
        self._store = LocalStore(root)
        self._kill_before = kill_before
        self.done = 0

    @property
    def url(self) -> str:
        return self._store.url

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in OPERATIONS:
            raise AttributeError(name)
        return partial(self._count, getattr(self._store, name))

    def _count(self, operation: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        if self.done + 1 == self._kill_before:
            os.kill(os.getpid(), signal.SIGKILL)
        self.done += 1
        return operation(*arguments, **options)


def refresh(store: Any, k: str) -> None:
    """Refresh one cycle, with a verdict nobody examined: the judge would take six seconds to load."""
    publish_unjudged(store, DATASET, cycle(int(k)))


def ingest(store: Any, drop: str) -> None:
    """Ingest one drop."""
    take(store, make_source(), Path(drop))


def compact(store: Any, _: str) -> None:
    """Compact the pool, in four intervals."""
    plan = plan_compaction(store, pool="photos", datasets=[DATASET], now=NOW, interval_rows=300)
    if plan is not None:
        for group in range(len(plan.groups)):
            merge_group(store, pool="photos", compaction_id=plan.compaction_id, group=group)
        commit_compaction(store, pool="photos", compaction_id=plan.compaction_id, now=NOW)


def sweep(store: Any, digest: str) -> None:
    """Delete what the compaction replaced, a month later."""
    sweep_pool(store, pool="photos", now=NOW + timedelta(days=30), dry_run=False, digest=digest)


ACTIONS: dict[str, Callable[[Any, str], None]] = {
    "refresh": refresh,
    "ingest": ingest,
    "compact": compact,
    "sweep": sweep,
}


class Victims:
    """Processes that do one thing each and may be killed; forked from one that has loaded everything, so cheap."""

    def __enter__(self) -> Victims:
        self._parent = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._parent.stdin is not None
        self._parent.stdin.close()
        self._parent.wait()

    def run(self, root: Path, action: str, argument: object, *, kill_before: int = NEVER) -> int | None:
        """Do something to the lake at ``root``; return how many operations it took, or None if it was killed."""
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        print(root, action, argument, kill_before, sep="\t", file=self._parent.stdin, flush=True)
        status, done = map(int, self._parent.stdout.readline().split())
        if os.WIFSIGNALED(status):
            assert os.WTERMSIG(status) == signal.SIGKILL
            return None
        assert status == 0
        return done


def serve() -> None:
    """Fork a process for each line of stdin, wait for its end, and tell how it ended."""
    for line in sys.stdin:
        root, action, argument, kill_before = line.rstrip("\n").split("\t")
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            store = DyingStore(Path(root), kill_before=int(kill_before))
            ACTIONS[action](store, argument)
            os.write(write, str(store.done).encode())
            os._exit(0)
        os.close(write)
        with os.fdopen(read) as told:
            done = told.read() or "0"
        sys.stdout.write(f"{os.waitpid(child, 0)[1]} {done}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()

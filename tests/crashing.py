"""A program that does what it is told and is killed in the middle of it. Run as a script; see ``Victims``."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from builders import NOW, cycle, make_dataset, publish_unjudged
from drops import make_source, take

from resift.client.pull import pull as copy
from resift.client.snapshots import read_manifest
from resift.steps.compact import commit_compaction, merge_group, plan_compaction
from resift.steps.sweep import sweep as sweep_pool
from resift.storage import LocalStore

DATASET = make_dataset(size=120, turnover=0.25, nominal_width=0.9)
OPERATIONS = (
    "get",
    "get_range",
    "stream",
    "open",
    "stat",
    "list",
    "folders",
    "put",
    "put_file",
    "create",
    "swap",
    "copy",
    "delete",
)
FILE_EVENTS = ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.scandir", "os.listdir", "fcntl.flock")
NEVER = 0


class DyingStore:
    """A local store whose process is killed just before its n-th operation."""

    def __init__(self, root: Path, *, kill_before: int) -> None:
        self._store = LocalStore(root)
        self._kill_before = kill_before
        self._counting = threading.Lock()
        self.done = 0

    @property
    def url(self) -> str:
        return self._store.url

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in OPERATIONS:
            raise AttributeError(name)
        return partial(self._count, getattr(self._store, name))

    def _count(self, operation: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        with self._counting:  # What is done side by side is counted one by one, so that no number is stepped over.
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


def pull(store: Any, place: str) -> None:
    """Copy the latest version, noting beside the copy what is fetched."""
    with Path(f"{place}.fetched").open("a") as log:
        copy(NotingStore(store, log), read_manifest(store, "sample", "latest"), Path(place))


class NotingStore:
    """Notes each file of a snapshot it is asked for, before it answers."""

    def __init__(self, store: Any, log: TextIO) -> None:
        self._store, self._log = store, log

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def stream(self, key: str, *, start: int, length: int) -> Iterator[bytes]:
        print(key.split("/", 4)[4], file=self._log, flush=True)
        yield from self._store.stream(key, start=start, length=length)


def die_before_event(number: int) -> Callable[[], int]:
    """Kill this process just before it opens, makes, moves or removes the n-th file; return what counts them."""
    count = 0

    def hook(event: str, _: object) -> None:
        nonlocal count
        if event in FILE_EVENTS:
            count += 1
            if NEVER < number <= count:  # Threads that count at once may step over the very number.
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    return lambda: count


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
    "pull": pull,
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
            # What pulls dies at any touch of a file, not only at those of the lake.
            events = die_before_event(int(kill_before)) if action == "pull" else None
            store = DyingStore(Path(root), kill_before=NEVER if events else int(kill_before))
            ACTIONS[action](store, argument)
            os.write(write, str(events() if events else store.done).encode())
            os._exit(0)
        os.close(write)
        with os.fdopen(read) as told:
            done = told.read() or "0"
        sys.stdout.write(f"{os.waitpid(child, 0)[1]} {done}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()

"""Runs one piece of work in a process of its own and tells what it took: `python -m bench.child TASK JSON`."""

from __future__ import annotations

import importlib
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PEERS = ROOT / ".venv-peers" / "bin" / "python"
"""Where the peers are installed, by `make bench`."""


class Absent(Exception):
    """A peer cannot be measured here; the message says why."""


def run(task: str, *, kind: str = "tasks", limit: float | None = None, **arguments: Any) -> dict[str, Any]:
    """Run a task of a module of `bench` (the kind) in a fresh process and return what it answers.

    Beside the answer of the task: `seconds` and `cpu_seconds` of the work alone, without starting Python and
    importing libraries; `start_seconds`, which that took; `rss_mib`, the highest the process ever held.

    Raises:
        Absent: The task needs something that is not installed, or took more than ``limit`` seconds.
    """
    started = time.perf_counter()
    python = str(PEERS) if kind == "peers" and PEERS.exists() else sys.executable
    command = [python, "-m", "bench.child", kind, task, json.dumps(arguments, default=str)]
    paths = os.pathsep.join([str(ROOT), str(ROOT / "include")])
    environment = os.environ | {"PYTHONPATH": paths}
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=limit
        )
    except subprocess.TimeoutExpired as error:
        raise Absent(f"took more than {error.timeout:.0f} seconds") from error
    if done.returncode == 3:
        raise Absent(done.stdout.strip())
    if done.returncode:
        sys.exit(f"bench: {task} failed\n{done.stderr[-4000:]}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    answer["start_seconds"] = time.perf_counter() - started - answer["seconds"]
    return answer


def peak_mib(pid: str = "self") -> float:
    """Return the most memory a process has held, in MiB. On Linux VmHWM: `ru_maxrss` would count its parent."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
        return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024
    except (FileNotFoundError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def cpu_seconds() -> float:
    """Return the processor time of this process and of the children it has waited for."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def main(kind: str, task: str, arguments: str) -> None:
    """Import what the task needs, then time it."""
    prepare = importlib.import_module(f"bench.{kind}").TASKS[task]
    try:
        work = prepare(**json.loads(arguments))
    except ImportError as error:
        print(f"{error.name} is not installed")
        sys.exit(3)
    except Absent as error:
        print(error)
        sys.exit(3)
    started, cpu = time.perf_counter(), cpu_seconds()
    answer = work()
    seconds = time.perf_counter() - started
    rss = max(peak_mib(), answer.pop("rss_mib", 0))
    used = cpu_seconds() - cpu + answer.pop("cpu_seconds", 0)
    print(json.dumps({**answer, "seconds": seconds, "cpu_seconds": used, "rss_mib": rss}))


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Call a step for each of its groups, one after another or a few at a time."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from resift.errors import ConfigError
from resift.storage import Store


def mapper(store: Store, workers: int) -> Callable[[Callable[..., Any], int], None]:
    """Return a function that calls a step for each group, so many at a time.

    In threads and not in processes: nearly all the work is done by Arrow, numpy and DuckDB outside the interpreter's
    lock, and a process takes seconds to import them.
    """
    if workers < 1:
        raise ConfigError(f"workers: found {workers}, expected at least 1. Correct --workers.")

    def run(step: Callable[..., Any], groups: int) -> None:
        with ThreadPoolExecutor(min(workers, max(1, groups))) as threads:
            list(threads.map(lambda group: step(store, group=group), range(groups)))

    def one_by_one(step: Callable[..., Any], groups: int) -> None:
        for group in range(groups):
            step(store, group=group)

    return one_by_one if workers == 1 else run

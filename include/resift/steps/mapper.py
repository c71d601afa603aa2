"""Call a step for each of its groups, one after another or a few at a time."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from resift.errors import ConfigError
from resift.storage import Store


def mapper(store: Store, workers: int) -> Callable[[Callable[..., Any], int], list[Any]]:
    """Return a function that calls a step for each group, so many at a time, and returns what they hand on.

    In threads and not in processes: nearly all the work is done by Arrow, numpy and DuckDB outside the interpreter's
    lock, and a process takes seconds to import them.
    """
    if workers < 1:
        raise ConfigError(f"workers: found {workers}, expected at least 1. Correct --workers.")

    def run(step: Callable[..., Any], groups: int) -> list[Any]:
        with ThreadPoolExecutor(min(workers, max(1, groups))) as threads:
            return list(threads.map(lambda group: step(store, group=group), range(groups)))

    def one_by_one(step: Callable[..., Any], groups: int) -> list[Any]:
        return [step(store, group=group) for group in range(groups)]

    return one_by_one if workers == 1 else run

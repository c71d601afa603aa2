"""Does the same to many small objects side by side, where one after another would wait for each answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

AT_A_TIME = 16

Thing = TypeVar("Thing")
Answer = TypeVar("Answer")


def together(
    call: Callable[[Thing], Answer], things: Iterable[Thing], *, at_a_time: int = AT_A_TIME
) -> Iterator[Answer]:
    """Yield what a call answers for each thing, in their order. The first error is raised, and ends it.

    All answers may be held at a time: for documents, not for data.
    """
    listed = list(things)
    if len(listed) < 2:
        yield from map(call, listed)
        return
    threads = ThreadPoolExecutor(min(at_a_time, len(listed)), thread_name_prefix="resift-together")
    try:
        yield from threads.map(call, listed)
    finally:
        threads.shutdown(cancel_futures=True)

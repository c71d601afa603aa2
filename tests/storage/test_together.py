"""Many small objects are dealt with side by side, and the answers come in their order."""

import threading

import pytest

from resift.storage import together


def test_answers_come_in_the_order_of_the_things() -> None:
    assert list(together(str, range(100))) == [str(number) for number in range(100)]


def test_calls_run_side_by_side() -> None:
    everybody_is_here = threading.Barrier(4, timeout=30)

    assert len(list(together(lambda _: everybody_is_here.wait(), range(4)))) == 4


@pytest.mark.parametrize("things", [[], [1]])
def test_one_call_needs_no_thread(things: list[int]) -> None:
    assert list(together(lambda _: threading.current_thread(), things)) == [threading.main_thread()] * len(things)


def test_an_error_of_one_call_is_raised() -> None:
    def refuse(number: int) -> int:
        if number == 3:
            raise ValueError("three")
        return number

    with pytest.raises(ValueError, match="three"):
        list(together(refuse, range(50)))

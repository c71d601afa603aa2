"""Permanent random numbers."""

import pyarrow as pa
import pytest

from resift.core.prn import CIRCLE, permanent_random_numbers

SALT = "0123456789abcdef"
PINNED = [258616489750886498, 8911583074280855845, 7756354399994062291]


def numbers(*ids, salt=SALT):
    return permanent_random_numbers(pa.array(ids, pa.string()), salt=salt).tolist()


def test_number_of_an_id_never_changes():
    # These were computed once. If they change, every sample ever drawn changes.
    assert numbers("item-1", "", "ünïcode") == PINNED


def test_numbers_lie_on_the_circle():
    found = numbers(*(f"item-{n}" for n in range(1000)))

    assert all(0 <= number < CIRCLE for number in found)
    assert len(set(found)) == 1000


def test_equal_ids_have_equal_numbers_wherever_they_stand():
    assert numbers("a", "b", "a") == [*numbers("a", "b"), *numbers("a")]


def test_another_salt_gives_other_numbers():
    assert numbers("a") != numbers("a", salt="fedcba9876543210")


def test_chunks_do_not_matter():
    chunked = pa.chunked_array([["a"], [], ["b", "c"]], pa.string())

    assert permanent_random_numbers(chunked, salt=SALT).tolist() == numbers("a", "b", "c")


def test_no_ids_have_no_numbers():
    assert numbers() == []


def test_id_that_is_null_is_refused():
    with pytest.raises(ValueError, match="image_ids: 1 nulls, expected none"):
        numbers("a", None)


@pytest.mark.parametrize("salt", ["", "short", "seventeen letters"])
def test_salt_of_another_length_is_refused(salt):
    with pytest.raises(ValueError, match="16"):
        numbers("a", salt=salt)

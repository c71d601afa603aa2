"""Numbers, digests and truths are read exactly, or not at all."""

import pyarrow as pa
import pytest

from resift.core.typed import read_digests, read_integers, read_lengths, read_reals, read_truths

BAD = "unreadable"


def one(read, value, kind=None):
    typed = read(pa.array([value], kind))
    return BAD if typed.unreadable[0] else typed.values[0].as_py()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1", 1),
        ("640", 640),
        ("0640", 640),
        ("640.0", 640),
        ("640.", 640),
        ("640.5", BAD),
        ("0", BAD),
        ("-1", BAD),
        ("2147483647", 2147483647),
        ("2147483648", BAD),
        ("99999999999999999999999", BAD),
        ("0x1F", BAD),
        (" 640", BAD),
        ("1e3", BAD),
        (None, None),
    ],
)
def test_lengths_are_positive_whole_numbers_of_31_bits(value, expected):
    assert one(read_lengths, value, pa.string()) == expected


def test_numbers_a_spreadsheet_made_floats_are_still_whole():
    typed = read_lengths(pa.array([500.0, None, float("nan"), 500.5]))

    assert typed.values.to_pylist() == [500, None, None, None]
    assert typed.unreadable.tolist() == [False, False, False, True]


@pytest.mark.parametrize(
    ("value", "expected"),
    [("-12", -12), ("+12", 12), ("0", 0), ("000", 0), ("999999999999999999", 10**18 - 1), ("x", BAD)],
)
def test_integers_keep_sign_and_every_digit(value, expected):
    assert one(read_integers, value) == expected


@pytest.mark.parametrize("beside", ["7", "7.0", "x", "", "123456789012345678901", None])
@pytest.mark.parametrize("value", ["0640", "999999999999999999", "1234567890123456789", "", None])
def test_what_an_integer_reads_as_does_not_depend_on_its_neighbours(value, beside):
    alone, together = (read_integers(pa.array(values, pa.string())) for values in ([value], [value, beside]))

    assert together.values[0] == alone.values[0]
    assert together.unreadable[0] == alone.unreadable[0]


@pytest.mark.parametrize(
    ("value", "expected"),
    [("1.5", 1.5), ("+1", 1.0), (".5", 0.5), ("-1e3", -1000.0), ("nan", BAD), ("inf", BAD), ("1,5", BAD)],
)
def test_reals_are_finite_decimal_numbers(value, expected):
    assert one(read_reals, value) == expected


@pytest.mark.parametrize(
    ("value", "expected"), [("t", True), ("0", False), ("yes", True), ("maybe", BAD), (None, None)]
)
def test_truths_are_a_closed_list(value, expected):
    assert one(read_truths, value, pa.string()) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [("A" * 64, "a" * 64), ("a" * 63, BAD), ("g" * 64, BAD), ("a" * 64 + "\n", BAD), (None, None)],
)
def test_digests_are_64_hex_digits_in_lower_case(value, expected):
    assert one(read_digests, value, pa.string()) == expected

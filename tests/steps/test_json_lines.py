"""Lines read many at a time are the rows they are one by one, and everything stays as it is written."""

import io
import json
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resift.model.source import Source
from resift.steps.reading.jsoncolumns import JsonColumns
from resift.steps.reading.jsonlines import read_jsonlines
from resift.steps.reading.jsonrows import JsonRows
from resift.steps.reading.marked import MarkedText


def source_of(*columns, **changes):
    """A source that reads these columns as text, and carries ``whole`` whole."""
    fields = dict(
        zip(["image_id", "url", "owner_id", "owner_country", "upload_country", "license"], columns, strict=False)
    )
    return Source.model_validate(
        {
            "name": "s",
            "pool": "p",
            "format": "jsonl",
            "fields": {"url": {"constant": "u"}} | fields,
            "state": {"constant": "public"},
            "observed_at": {"constant": "2026-01-01T00:00:00Z"},
            "carry": {"whole": "whole", "deep": "b.c"},
            **changes,
        }
    )


SOURCE = source_of("a", "é", "b.a", "b[1]", "b.a[0].c", "c")

NUMBERS = ["0", "-0", "-1", "52.50", "-0.0", "1e3", "1E+05", "1e999", "-9223372036854775809", "9" * 30, "9" * 5000]
NO_NUMBERS = ["01", "1.", ".5", "+1", "1e", "-", "NaN", "-Infinity", "0x1", "1_0"]
STRINGS = ['""', '"é"', r'"\u00e9\/\n\""', r'"\ud83d\ude00"', '"-0"', '"\U0001f600"', '" a"', '"NaN"', '"\x7f"']
NO_STRINGS = [r'"\ud800"', r'"\udc00\ud83d"', r'"\x"', r'"\u12"', '"\t"', '"\x00"', "'a'", '"a']
KEYS = ['"a"', '"b"', '"c"', '"whole"', '"é"', r'"\u0061"', '"d"', '""']
BLANKS = ["", " ", "\t", "\r", "  "]
NO_BLANKS = ["\x0b", "\xa0", "\ufeff", "\n", ",", "//"]
WORDS = ["null", "true", "false"]
NO_WORDS = ["nul", "True", "nulll", ""]


def text_of(values):
    """JSON of such single values: blanks anywhere, keys twice."""
    blank = st.sampled_from(BLANKS)

    def spaced(inner, opening, closing):
        return st.builds(lambda parts, b: f"{b}{opening}{b}{','.join(parts)}{b}{closing}{b}", inner, blank)

    def holding(value):
        pair = st.builds(lambda key, b, one: f"{key}{b}:{b}{one}", st.sampled_from(KEYS), blank, value)
        return spaced(st.lists(value, max_size=3), "[", "]") | spaced(st.lists(pair, max_size=3), "{", "}")

    return st.recursive(st.sampled_from(values), holding, max_leaves=8)


def lines_of(value):
    pair = st.tuples(st.sampled_from(KEYS), value).map(":".join)
    return st.lists(pair, max_size=6).map(lambda pairs: "{" + ", ".join(pairs) + "}")


PLAIN = lines_of(text_of([*NUMBERS[2:-1], *STRINGS, *WORDS]))
ODD = lines_of(text_of(['"-0 "', *NUMBERS, *NO_NUMBERS, *STRINGS, *NO_STRINGS, *WORDS, *NO_WORDS])) | st.sampled_from(
    ["[1]", "3", "null", '"a"', "{", "}", "{} {}", "{}{}", '{"a":1,}', "{1:2}", '{"a" 1}', "[" * 2000, '{"b":' * 300]
)
DEEP = st.integers(1, 450).map(lambda n: '{"whole":' + "[" * n + "]" * n + "}")


@st.composite
def broken(draw):
    """A line with something else somewhere in it."""
    line = draw(PLAIN)
    at, length = draw(st.integers(0, len(line))), draw(st.integers(0, 2))
    return line[:at] + draw(st.sampled_from([*NO_BLANKS, *NO_STRINGS, "{", "}", '"', ":", "-0"])) + line[at + length :]


BODIES = st.lists(PLAIN | PLAIN | ODD | broken() | DEEP, min_size=1, max_size=4).map("\n".join).map(str.encode)


def found_in(batches):
    """All that batches say, row by row: numbers, lines, values by path, None where a batch has no such column."""
    rows, bad = [], []
    seen = {path for batch in batches for path in batch.columns}
    for batch in batches:
        size = len(batch.row_numbers)
        columns = {path: batch.columns[path].to_pylist() if path in batch.columns else [None] * size for path in seen}
        assert all(len(values) == size for values in columns.values())
        raw = batch.raw(range(size))
        rows += [
            (int(number), raw[at], {path: values[at] for path, values in columns.items()})
            for at, number in enumerate(batch.row_numbers)
        ]
        bad += batch.bad
    return rows, bad


def one_by_one(body, source=SOURCE):
    text = MarkedText(io.BytesIO(body), encoding=source.encoding)
    lines = [line for line in text.read().split(b"\n") if line.strip()]
    return [JsonRows(source).read(lines, first=1, marked=text.marked)]


def many_at_once(body, source=SOURCE):
    return list(read_jsonlines(MarkedText(io.BytesIO(body), encoding=source.encoding), name="f", source=source))


@settings(max_examples=300)
@given(BODIES)
def test_lines_read_at_once_are_the_rows_they_are_one_by_one(body):
    assert found_in(many_at_once(body)) == found_in(one_by_one(body))


@given(BODIES, st.binary(max_size=3), st.integers(0, 300))
def test_bytes_of_any_kind_between_them_change_nothing_of_this(body, piece, at):
    body = body[:at] + piece + body[at:]

    assert found_in(many_at_once(body)) == found_in(one_by_one(body))


@given(st.lists(PLAIN, min_size=1, max_size=4))
def test_lines_without_anything_odd_are_read_at_once(lines):
    nested = JsonRows(SOURCE).read(lines := [line.encode() for line in lines], first=1, marked=False).bad

    found = JsonColumns(SOURCE).read(lines, first=1, marked=False)

    assert (found is None) == bool(nested)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_stays_as_it_is_written(number):
    body = f'{{"a": {number}, "whole": [{number}], "b": {{"a": {number}}}}}'.encode()

    [(_, raw, row)], [] = found_in(many_at_once(body))

    assert (row[("a",)], row[("whole",)], row[("b", "a")]) == (number, f"[{number}]", number)
    assert raw == body


@pytest.mark.parametrize(
    "values",
    [["1", "true", '"x"', "null"], ["true", "1"], ['"x"', "2.50"], ["true", "null", "false"], ["1", "9" * 30], ["-5"]],
)
def test_values_of_several_kinds_in_a_column_stay_what_they_are(values):
    body = "\n".join(f'{{"a": {value}}}' for value in values).encode()

    rows, [] = found_in(many_at_once(body))

    said = [None if value == "null" else value.strip('"') for value in values]
    assert [row[("a",)] for _, _, row in rows] == said


def test_a_key_no_row_has_is_absent_and_one_that_is_null_is_not():
    [batch] = many_at_once(b'{"a": null}\n{"d": 1}\n')

    assert batch.columns.keys() == {("a",)}
    assert batch.columns[("a",)].to_pylist() == [None, None]


def test_an_object_on_two_lines_and_two_on_one_are_no_rows():
    rows, bad = found_in(many_at_once(b'{"a": 1} {"a": 2}\n{"a":\n3}\n{"a": 4}'))

    assert [(number, row[("a",)]) for number, _, row in rows] == [(4, "4")]
    assert [one.row_number for one in bad] == [1, 2, 3]


def test_a_line_with_bytes_of_another_encoding_is_a_bad_row_wherever_they_are():
    lines = [b'{"a": "\xff"}', b'{"a": "\xf4\x80\x80\x80"}', b'{"d": "\xff"}']

    rows, bad = found_in(many_at_once(b"\n".join(lines) + b"\n"))

    assert [(number, row[("a",)]) for number, _, row in rows] == [(2, "\U00100000")]
    assert [(one.raw, one.reason) for one in bad] == [(line, "holds bytes that are not utf-8") for line in lines[::2]]


def test_a_key_that_has_a_quote_in_it_is_read():
    rows, [] = found_in(many_at_once(b'{"a\\"b": 1}', source_of(['a"b'])))

    assert [row[('a"b',)] for _, _, row in rows] == ["1"]


def test_a_value_nested_too_deeply_to_be_carried_is_a_bad_row():
    body = b'{"whole": ' + b"[" * 900 + b"]" * 900 + b'}\n{"whole": []}'

    [(number, _, row)], [bad] = found_in(many_at_once(body))

    assert (number, row[("whole",)]) == (2, "[]")
    assert (bad.row_number, bad.reason) == (1, "is nested too deeply in whole")


def test_a_bare_installation_reads_the_same_rows(monkeypatch):
    body = b'{"a": 52.50, "b": {"c": -0}}\n{"a": 1}\n'
    expected = found_in(many_at_once(body))
    monkeypatch.setitem(sys.modules, "msgspec", None)
    monkeypatch.delitem(sys.modules, JsonColumns.__module__)

    assert found_in(many_at_once(body)) == expected


def test_rows_are_numbered_on_over_many_blocks_beside_bad_and_blank_lines():
    lines = [
        b"" if n % 7 == 0 else b"{" if n % 9_999 == 0 else json.dumps({"a": n, "d": "x" * 90}).encode()
        for n in range(1, 60_001)
    ]

    rows, bad = found_in(many_at_once(b"\r\n".join(lines)))

    given_lines = [line for line in lines if line]
    assert {number: raw for number, raw, _ in rows} | {one.row_number: one.raw for one in bad} == dict(
        enumerate(given_lines, 1)
    )
    assert {one.raw for one in bad} == {b"{"}


@pytest.mark.parametrize("size", [16 << 20, (16 << 20) + 1])
def test_a_line_of_more_than_16_mib_is_a_bad_row(size):
    long = b'{"a": "' + b"x" * (size - 9) + b'"}'

    rows, bad = found_in(many_at_once(long + b'\n{"a": 2}\n'))

    assert [number for number, _, _ in rows] == ([1, 2] if size == 16 << 20 else [2])
    assert [one.reason for one in bad] == ([] if size == 16 << 20 else ["is longer than 16 MiB"])

"""Bad input gives one clear error, or a row in quarantine; nothing is half-written and nothing is swallowed."""

import gzip
import re
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from drops import make_source, observations, quarantine, row, take, write

from resift.errors import ConfigError, DropRejected
from resift.storage.memory import MemoryStore

STRICT = {"max_bad_rows": {"share": 0.01, "count": 10_000}}


def refused(path, words, **changes):
    store = MemoryStore()
    with pytest.raises(DropRejected, match=words):
        take(store, make_source(**changes), path)
    # The pool's identity is all there may be: no drop, no run, no quarantine.
    assert {stat.key for stat in store.list("")} <= {"pool/photos/pool.json"}


def written(path, body):
    path.write_bytes(body)
    return path


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_an_empty_file_is_refused(kind, tmp_path):
    refused(written(tmp_path / f"drop.{kind}", b""), f"drop.{kind}: found an empty file of 0 bytes", format=kind)


def test_an_empty_compressed_file_is_refused(tmp_path):
    refused(written(tmp_path / "drop.csv.gz", gzip.compress(b"")), r"drop.csv.gz: found nothing in it")


def test_a_drop_with_a_header_and_no_row_is_refused(tmp_path):
    refused(written(tmp_path / "drop.csv", b"id,url,owner,country,state,seen,width,title\n"), "found no row in 1 files")


def test_a_missing_location_is_refused(tmp_path):
    refused(tmp_path / "nowhere.csv", r"nowhere.csv: found nothing, expected a file or a folder")


def test_a_folder_without_a_matching_file_is_refused(tmp_path):
    write(tmp_path / "drop.csv", [row()])

    refused(tmp_path, r"found 1 other files, expected files that match '\*.tsv'", files="*.tsv")


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_missing_column_is_named_with_those_found(kind, tmp_path):
    rows = [{name: value for name, value in row().items() if name != "country"}]

    refused(write(tmp_path / f"drop.{kind}", rows), "column 'country' is missing, found 'id', 'url'", format=kind)


def test_a_key_no_row_of_json_lines_has_is_named(tmp_path):
    rows = [{name: value for name, value in row().items() if name != "country"}]

    refused(write(tmp_path / "drop.jsonl", rows), "'country' is missing in all 1 rows", format="jsonl")


def test_an_optional_column_may_be_missing(tmp_path):
    rows = [{name: value for name, value in row().items() if name != "country"}]
    fields = {"image_id": "id", "url": "url", "owner_country": {"column": "country", "optional": True}}

    for kind in ("csv", "jsonl", "parquet"):
        store = MemoryStore()
        [drop] = take(store, make_source(format=kind, fields=fields), write(tmp_path / f"drop.{kind}", rows))
        assert observations(store, drop)[0]["owner_country"] is None


def test_a_column_twice_in_the_header_is_refused(tmp_path):
    body = b"id,url,owner,country,state,seen,width,title,id\n1,u,o,c,public,2026-01-01T00:00:00Z,1,t,2\n"

    refused(written(tmp_path / "drop.csv", body), "found column 'id' more than once")


@pytest.mark.parametrize(
    ("column", "values", "words"),
    [
        ("seen", [True], "column 'seen' is bool, expected text, a timestamp or a date"),
        ("seen", [5], "column 'seen' is int64, expected .* set `format: epoch_s`"),
        ("id", [1.5], "column 'id' is double, expected text or a whole number for image_id"),
        ("country", [["US"]], "column 'country' is list<.*>, expected a single value for owner_country"),
        ("width", [True], "column 'width' is bool, expected text or a number"),
    ],
)
def test_a_wrong_type_is_refused(column, values, words, tmp_path):
    table = pa.Table.from_pylist([row()])
    table = table.set_column(table.schema.get_field_index(column), column, pa.array(values))
    pq.write_table(table, tmp_path / "drop.parquet")

    refused(tmp_path / "drop.parquet", words, format="parquet")


@pytest.mark.parametrize("keep", [0.3, 0.7, 0.99])
def test_a_truncated_parquet_file_is_refused(keep, tmp_path):
    body = write(tmp_path / "whole.parquet", [row(n) for n in range(200)]).read_bytes()

    refused(written(tmp_path / "drop.parquet", body[: int(len(body) * keep)]), "found damage", format="parquet")


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_truncated_gzip_file_is_refused(kind, tmp_path):
    body = gzip.compress(write(tmp_path / f"whole.{kind}", [row(n) for n in range(5000)]).read_bytes())

    refused(
        written(tmp_path / f"drop.{kind}.gz", body[:-9]), "found damage .*whole .* compressed with gzip", format=kind
    )


def test_text_that_is_named_gzip_is_refused(tmp_path):
    refused(written(tmp_path / "drop.csv.gz", b"id,url\n1,2\n"), "found damage")


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_rows_of_another_encoding_go_to_quarantine_with_their_bytes(kind, tmp_path):
    body = write(tmp_path / f"drop.{kind}", [row(1), row(2, title="café"), row(3, title="café")]).read_bytes()
    first, second, third = body.rsplit("é".encode(), 2)
    store = MemoryStore()

    [drop] = take(
        store,
        make_source(format=kind),
        written(tmp_path / f"mixed.{kind}", first + b"\xe9" + second + "é".encode() + third),
    )

    [(number, raw, reason)] = quarantine(store, drop)
    assert (number, reason) == (2, "holds bytes that are not utf-8")
    assert b"caf\xe9" in raw
    assert {o["row_number"]: o["title"] for o in observations(store, drop)}[3] == "café"


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16", "utf-8"])
def test_a_declared_encoding_is_read(encoding, tmp_path):
    body = write(tmp_path / "drop.csv", [row(1, title="café")]).read_text(encoding="utf-8").encode(encoding)
    store = MemoryStore()

    [drop] = take(store, make_source(encoding=encoding), written(tmp_path / "other.csv", body))

    assert observations(store, drop)[0]["title"] == "café"


def test_a_byte_order_mark_is_not_part_of_the_first_name(tmp_path):
    body = write(tmp_path / "drop.csv", [row(1)]).read_bytes()

    [drop] = take(MemoryStore(), make_source(), written(tmp_path / "bom.csv", b"\xef\xbb\xbf" + body))

    assert drop.observations == 1


def test_rows_with_another_number_of_values_keep_their_number_and_text(tmp_path):
    lines = write(tmp_path / "drop.csv", [row(n) for n in range(1, 6)]).read_text().splitlines()
    lines[2] = "short,row"
    lines[4] += ",more"
    store = MemoryStore()

    [drop] = take(store, make_source(), written(tmp_path / "ragged.csv", "\n".join(lines).encode()))

    assert [(number, raw) for number, raw, _ in quarantine(store, drop)] == [(2, b"short,row"), (4, lines[4].encode())]
    assert sorted((o["row_number"], o["image_id"]) for o in observations(store, drop)) == [
        (1, "item-1"),
        (3, "item-3"),
        (5, "item-5"),
    ]


def test_a_short_row_of_another_encoding_does_not_stop_the_file(tmp_path):
    body = write(tmp_path / "drop.csv", [row(1), row(2)]).read_bytes()
    store = MemoryStore()

    [drop] = take(store, make_source(), written(tmp_path / "d.csv", body + b"x,\xff\n"))

    assert quarantine(store, drop)[0][:2] == (3, b"x,\xff")


def test_a_quote_that_is_never_closed_is_refused_and_not_swallowed(tmp_path):
    body = write(tmp_path / "drop.csv", [row(n) for n in range(1, 4)]).read_bytes()

    refused(written(tmp_path / "open.csv", body.replace(b"Title 2", b'"Title 2')), "row 2 opens a quote that is never")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "is not JSON"),
        (b"[1]", "is not a JSON object"),
        (b'{"id": NaN}', "is not JSON"),
        (b'{"id": {"a": 1}}', "holds a nested value in id"),
        (b'{"id": "\\ud800"}', "holds half a surrogate pair"),
        (b"[" * 100_000, "is not JSON"),
    ],
)
def test_json_lines_that_are_no_rows_go_to_quarantine(line, reason, tmp_path):
    body = write(tmp_path / "drop.jsonl", [row(1)]).read_bytes()
    store = MemoryStore()

    [drop] = take(store, make_source(format="jsonl"), written(tmp_path / "d.jsonl", body + line + b"\n"))

    [(number, raw, found)] = quarantine(store, drop)
    assert (number, raw, found) == (2, line[: 64 * 1024], reason)


def test_bad_json_lines_are_told_in_order_and_the_rows_between_them_are_kept(tmp_path):
    lines = write(tmp_path / "drop.jsonl", [row(n) for n in (1, 4)]).read_bytes().splitlines()
    body = b"\n".join([lines[0], b'{"id": {"a": 1}}', b"{", lines[1].replace(b'"Title 4"', b"true"), b'{"id": []}'])
    store = MemoryStore()

    [drop] = take(store, make_source(format="jsonl"), written(tmp_path / "d.jsonl", body))

    assert [number for number, _, _ in quarantine(store, drop)] == [2, 3, 5]
    assert {one["row_number"]: one["title"] for one in observations(store, drop)} == {1: "Title 1", 4: "true"}


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"id": ""}, "image_id is missing"),
        ({"id": "x" * 10_000}, "image_id is longer than 1024 bytes"),
        ({"id": "é" * 513}, "image_id is longer than 1024 bytes"),
        ({"url": ""}, "url is missing"),
        ({"seen": ""}, "observed_at is missing"),
        ({"seen": "2026-01-01T00:00:00"}, "observed_at has no time zone"),
        ({"seen": "9999-12-31T23:59:59Z"}, r"observed_at is not in [1970-01-01, 2100-01-01)"),
        ({"seen": "soon"}, "observed_at cannot be read as an instant"),
        ({"state": "gone"}, "state is unknown"),
        ({"state": ""}, "state is missing"),
        ({"width": "-5"}, "width is not a whole number from 1 to 2147483647"),
    ],
)
@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_a_row_that_cannot_be_read_goes_to_quarantine_with_its_reason(kind, fields, reason, tmp_path):
    store = MemoryStore()

    [drop] = take(store, make_source(format=kind), write(tmp_path / f"drop.{kind}", [row(1), row(2, **fields), row(3)]))

    assert [(number, why) for number, _, why in quarantine(store, drop)] == [(2, reason)]
    assert sorted(o["row_number"] for o in observations(store, drop)) == [1, 3]


def test_an_id_of_1024_bytes_is_kept(tmp_path):
    store = MemoryStore()

    [drop] = take(store, make_source(), write(tmp_path / "drop.csv", [row(1, id="x" * 1024)]))

    assert drop.observations == 1


def test_exactly_as_many_bad_rows_as_allowed_are_borne(tmp_path):
    rows = [row(n, state="odd" if n == 0 else "public") for n in range(100)]

    [drop] = take(MemoryStore(), make_source(**STRICT), write(tmp_path / "drop.csv", rows))

    assert drop.quarantined == 1


def test_one_bad_row_more_than_allowed_fails_the_drop_and_leaves_nothing(tmp_path):
    rows = [row(n, state="odd" if n < 2 else "public") for n in range(100)]

    refused(
        write(tmp_path / "drop.csv", rows),
        r"found 2 bad rows of 100 \(2 state is unknown; the first is drop.csv row 1 state is unknown\), expected",
        **STRICT,
    )


def test_the_budget_of_a_drop_is_over_all_its_files(tmp_path):
    write(tmp_path / "d" / "bad.csv", [row(1, state="odd"), row(2)])
    write(tmp_path / "d" / "good.csv", [row(n) for n in range(200)])

    [drop] = take(MemoryStore(), make_source(**STRICT), tmp_path / "d")

    assert (drop.rows_read, drop.quarantined) == (202, 1)


def test_the_count_of_bad_rows_is_a_limit_of_its_own(tmp_path):
    rows = [row(n, state="odd" if n < 3 else "public") for n in range(10)]

    refused(write(tmp_path / "d.csv", rows), "found more than 2 bad rows", max_bad_rows={"share": 1, "count": 2})
    ragged = written(tmp_path / "r.csv", (tmp_path / "d.csv").read_bytes() + b"x\n" * 3)
    refused(ragged, "found more than 2 rows with another number of values", max_bad_rows={"share": 1, "count": 2})


def test_an_instant_must_be_given_exactly_once(tmp_path):
    path = write(tmp_path / "drop.csv", [row(1)])

    with pytest.raises(ConfigError, match="found none, expected exactly one"):
        take(MemoryStore(), make_source(observed_at=None), path)
    with pytest.raises(ConfigError, match="found one in the source file and one with the drop"):
        take(MemoryStore(), make_source(), path, observed_at=datetime(2026, 1, 1, tzinfo=UTC))
    with pytest.raises(ConfigError, match="expected an instant with a time zone"):
        take(MemoryStore(), make_source(observed_at=None), path, observed_at=datetime(2026, 1, 1))  # noqa: DTZ001


def test_a_constant_instant_that_cannot_be_believed_is_a_wrong_source_file(tmp_path):
    path = write(tmp_path / "drop.csv", [row(1)])

    with pytest.raises(ConfigError, match="observed_at: '2026-01-01' of the source file has no time zone"):
        take(MemoryStore(), make_source(observed_at={"constant": "2026-01-01"}), path)


def test_a_file_name_that_does_not_tell_the_instant_is_refused(tmp_path):
    source = {"file_name": r"(\d{4}-\d{2}-\d{2})", "timezone": "UTC"}

    expected = r"found nothing in the name that matches `(\d{4}-\d{2}-\d{2})`, expected observed_at there"
    refused(write(tmp_path / "drop.csv", [row(1)]), re.escape(expected), observed_at=source)


def test_a_table_that_is_missing_or_contradicts_itself_is_refused(tmp_path):
    fields = {
        "image_id": "id",
        "url": "url",
        "owner_country": {"column": "owner", "lookup": {"file": "people.csv", "key": "who", "value": "place"}},
    }
    path = write(tmp_path / "drop.csv", [row(1)])

    refused(path, "found no people.csv beside its files", fields=fields)
    write(tmp_path / "people.csv", [{"who": "1", "place": "US"}, {"who": "1", "place": "FR"}])
    refused(path, "found 1 keys with more than one value in 'place', among them '1'", fields=fields)
    write(tmp_path / "people.csv", [{"who": "1", "home": "US"}])
    refused(path, "people.csv: cannot be read .*expected .* columns 'who' and 'place'", fields=fields)


def test_a_failed_file_takes_the_whole_drop_with_it(tmp_path):
    write(tmp_path / "d" / "a.csv", [row(n) for n in range(10)])
    written(tmp_path / "d" / "b.csv", b"")

    refused(tmp_path / "d", r"b.csv: found an empty file")

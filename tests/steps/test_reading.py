"""Rows keep their own numbers, whatever lies between them and wherever a block of the file ends."""

import io

import pytest
from drops import make_source, observations, row, take, write
from hypothesis import given
from hypothesis import strategies as st

from resift.model.source import Source
from resift.steps.drop_files import RemoteFolder, fetched, sha256_in
from resift.steps.reading import delimited, read_rows
from resift.steps.reading.marked import MarkedText, unmarked
from resift.storage.memory import MemoryStore

SOURCE = Source.model_validate(
    {
        "name": "s",
        "pool": "p",
        "format": "csv",
        "fields": {"image_id": "a", "url": "b"},
        "state": {"constant": "public"},
        "observed_at": {"constant": "2026-01-01T00:00:00Z"},
    }
)


@given(st.lists(st.sampled_from(["good", "short", "long", "blank", "lines"]), max_size=30), st.integers(40, 90))
def test_csv_rows_keep_their_numbers_beside_bad_rows_and_blank_lines(kinds, block):
    lines = {"short": "x", "long": "x,y,z", "blank": "", "lines": '"x\n\ny",z'}
    rows = [kind for kind in kinds if kind != "blank"]
    numbers = iter(range(1, len(rows) + 1))
    body = "a,b\n" + "".join(
        (
            lines[kind]
            if kind == "blank"
            else f"{next(numbers)},z"
            if kind == "good"
            else (next(numbers), lines[kind])[1]
        )
        + "\n"
        for kind in kinds
    )

    text = MarkedText(io.BytesIO(body.encode()), encoding="utf-8")
    batches = list(delimited.read_delimited(text, name="f", source=SOURCE, block_bytes=block))

    good = {
        int(number): value.as_py()
        for batch in batches
        if len(batch.row_numbers)
        for number, value in zip(batch.row_numbers, batch.columns[("a",)], strict=True)
    }
    bad = {bad.row_number: bad.raw for batch in batches for bad in batch.bad}
    assert good == {
        at: str(at) if kind == "good" else "x\n\ny" for at, kind in enumerate(rows, 1) if kind in ("good", "lines")
    }
    assert bad == {at: lines[kind].encode() for at, kind in enumerate(rows, 1) if kind in ("short", "long")}


@given(st.binary(max_size=60), st.sampled_from(["utf-8", "latin-1", "cp1252", "ascii"]))
def test_bytes_of_any_kind_can_be_had_back(body, encoding):
    text = MarkedText(io.BytesIO(body), encoding=encoding).read().decode("utf-8", "surrogatepass")

    assert unmarked(text, encoding=encoding) in (body, body.removeprefix(b"\xef\xbb\xbf"))


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_row_longer_than_any_block_does_not_grow_memory_without_bound(kind, tmp_path):
    path = write(tmp_path / f"drop.{kind}", [row(1), row(2, title="x" * (3 << 20)), row(3)])
    store = MemoryStore()

    [drop] = take(store, make_source(format=kind), path)

    assert sorted(len(o["title"]) for o in observations(store, drop)) == [7, 7, 3 << 20]


def test_nested_values_are_read_by_path_and_carried_as_json(tmp_path):
    rows = [
        row(1, owner={"ids": [{"n": 7}, {"n": 8}]}, title={"en": "é", "n": [1, None]}),
        row(2, owner={"ids": [{"n": 9}]}, title={"en": "e", "n": []}),
        row(3, owner={"ids": []}, title=None),
    ]
    fields = {"image_id": "id", "url": "url", "owner_id": "owner.ids[1].n", "owner_country": "owner.ids[0].n"}

    for kind in ("jsonl", "parquet"):
        store = MemoryStore()
        [drop] = take(store, make_source(format=kind, fields=fields), write(tmp_path / f"drop.{kind}", rows))
        found = sorted(observations(store, drop), key=lambda o: o["row_number"])
        assert [o["owner_id"] for o in found] == ["8", None, None]
        assert [o["owner_country"] for o in found] == ["7", "9", None]
        assert [o["title"] for o in found] == ['{"en":"é","n":[1,null]}', '{"en":"e","n":[]}', None]


def test_numbers_in_json_lines_stay_as_they_are_written(tmp_path):
    path = tmp_path / "drop.jsonl"
    write(path, [row(1)])
    path.write_text(path.read_text().replace('"US"', "52.50").replace('"Title 1"', '{"lat": 52.50, "n": 1e3}'))
    store = MemoryStore()

    [drop] = take(store, make_source(format="jsonl"), path)

    [found] = observations(store, drop)
    assert found["owner_country"] == "52.50"
    assert found["title"] == '{"lat":52.50,"n":1e3}'


def test_null_values_of_tab_separated_dumps_can_be_declared(tmp_path):
    path = tmp_path / "d.tsv"
    path.write_text("1\thttp://u\t\\N\tNA\n")
    source = SOURCE.model_validate(
        {
            **SOURCE.model_dump(mode="json"),
            "format": "tsv",
            "csv": {"quote": None},
            "columns": ["a", "b", "c", "d"],
            "null_values": ["", "\\N"],
            "fields": {"image_id": "a", "url": "b", "owner_id": "c", "owner_country": "d"},
        }
    )
    store = MemoryStore()

    [drop] = take(store, source, path)

    assert [(o["owner_id"], o["owner_country"]) for o in observations(store, drop)] == [(None, "NA")]


def test_a_file_of_an_object_store_is_fetched_and_removed_after_use(tmp_path):
    store = MemoryStore()
    store.put("in/drop.csv", write(tmp_path / "drop.csv", [row(1)]).read_bytes())
    folder = RemoteFolder(store)

    with fetched(folder, "in/drop.csv", into=tmp_path) as path:
        batches = list(read_rows(path, name="drop.csv", source=make_source()))

    assert sum(len(batch.row_numbers) for batch in batches) == 1
    assert folder.names() == ["in/drop.csv"]
    assert len(sha256_in(folder, "in/drop.csv")) == 64
    assert not path.exists()

"""A run is sorted, has row groups of one size, and its bytes do not depend on how it was sorted."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resift.core.observe import observed_schema
from resift.model.observation import PRN
from resift.steps import sorted_run
from resift.steps.parquet import ROW_GROUP_ROWS
from resift.steps.sorted_run import RunSorter

ORIGIN = {"source": "s", "drop": "d", "file": "f"}
EMPTY = pa.schema([])


def table(rows):
    """Observations of (prn, image_id, day), numbered in order."""
    count = len(rows)
    given_columns = {
        "image_id": [image_id for _, image_id, _ in rows],
        "observed_at": [day * 86_400_000_000 for _, _, day in rows],
        "state": ["public"] * count,
        "row_number": list(range(1, count + 1)),
    }
    columns = [
        pa.array(given_columns[field.name]).cast(field.type)
        if field.name in given_columns
        else pa.nulls(count, field.type)
        for field in observed_schema(EMPTY)
    ]
    numbers = pa.array([prn for prn, _, _ in rows], pa.int64())
    return pa.table(columns, schema=observed_schema(EMPTY)).append_column(PRN, numbers)


def sort(rows, folder, *, pieces=1, chunk_bytes=sorted_run.CHUNK_BYTES, memory_bytes=0):
    folder.mkdir(exist_ok=True)
    sorter = RunSorter(folder, carried=EMPTY, same=ORIGIN, chunk_bytes=chunk_bytes, memory_bytes=memory_bytes)
    whole = table(rows)
    for at in range(pieces):
        lo, hi = len(rows) * at // pieces, len(rows) * (at + 1) // pieces
        if hi > lo:
            sorter.add(whole.slice(lo, hi - lo))
    return sorter.finish(folder / "run.parquet")


ROWS = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from(["a", "b", "é", "aa"]), st.integers(0, 2)), min_size=1, max_size=40
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ROWS, st.integers(1, 10), st.integers(0, 2_000))
def test_chunks_merged_from_memory_and_disk_give_the_bytes_of_one_sort(tmp_path, rows, pieces, memory_bytes):
    at_once = sort(rows, tmp_path / "one")
    merged = sort(rows, tmp_path / "many", pieces=pieces, chunk_bytes=1, memory_bytes=memory_bytes)

    stored = pq.read_table(tmp_path / "many" / "run.parquet")
    keys = list(
        zip(stored[PRN].to_pylist(), stored["image_id"].to_pylist(), stored["observed_at"].to_pylist(), strict=True)
    )

    assert merged.sha256 == at_once.sha256
    assert len(stored) == len(rows)
    assert keys == sorted(keys, key=lambda key: (key[0], key[1].encode(), key[2]))


def test_row_groups_have_16384_rows_and_the_index_names_their_first_prn(tmp_path):
    rows = [(number * 7 % 40_000, f"i{number}", 0) for number in range(40_000)]

    run = sort(rows, tmp_path, pieces=9, chunk_bytes=1 << 20)

    file = pq.ParquetFile(tmp_path / "run.parquet")
    groups = [file.metadata.row_group(at) for at in range(file.metadata.num_row_groups)]
    prn = file.schema_arrow.get_field_index(PRN)
    assert run.row_group_rows == tuple(group.num_rows for group in groups) == (ROW_GROUP_ROWS, ROW_GROUP_ROWS, 7_232)
    assert run.row_group_first == tuple(group.column(prn).statistics.min for group in groups)
    assert run.prn_max == groups[-1].column(prn).statistics.max


def test_one_id_for_all_rows_is_sorted_across_chunks(tmp_path):
    rows = [(5, "same", day % 3) for day in range(20_000)]

    run = sort(rows, tmp_path, pieces=10, chunk_bytes=1)

    days = pq.read_table(tmp_path / "run.parquet")["observed_at"].to_pylist()
    assert days == sorted(days)
    assert run.row_group_first == (5, 5)


def test_no_observation_makes_no_run(tmp_path):
    assert RunSorter(tmp_path, carried=EMPTY, same=ORIGIN).finish(tmp_path / "run.parquet") is None


@pytest.mark.parametrize("name", ["source", "drop", "file"])
def test_the_origin_is_in_every_row(name, tmp_path):
    sort([(1, "a", 0), (2, "b", 0)], tmp_path)

    assert pq.read_table(tmp_path / "run.parquet")[name].to_pylist() == [ORIGIN[name]] * 2

"""Verify finds every kind of damage, and says what was found and what the manifest says."""

from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from builders import cycle, make_dataset, make_pool, observation, publish_unjudged

from resift.client.describe import describe
from resift.client.snapshots import find_manifest
from resift.client.verify import verify
from resift.core.cut import content_digest
from resift.model import keys
from resift.model.document import sha256_hex
from resift.storage import MemoryStore

PREFIX = keys.snapshot("sample", cycle(1))
WHAT = f"snapshot sample {cycle(1)}.0"


@pytest.fixture
def store():
    store = MemoryStore()
    seen = [[observation(f"i{n}", cycle(k)) for n in range(50 * k, 400)] for k in (0, 1)]
    make_pool(store, *seen)
    for k in (0, 1):
        publish_unjudged(store, make_dataset(size=250, nominal_width=0.6, turnover=0.25), cycle(k))
    return store


@pytest.fixture
def manifest(store):
    manifest = find_manifest(store, "sample", cycle(1))
    assert len(manifest.parts) >= 3
    return manifest


def problems(store, manifest):
    return " ".join(verify(store, manifest).problems)


def edited(manifest, number, **fields):
    """The manifest with one part's entry changed, and a content digest that fits it."""
    parts = tuple(p.model_copy(update=fields) if n == number else p for n, p in enumerate(manifest.parts))
    return with_digest(manifest.model_copy(update={"parts": parts}))


def with_digest(manifest):
    digest = content_digest(
        columns=[(column.name, column.type) for column in manifest.columns],
        start=manifest.draw.start,
        width=manifest.draw.width,
        parts=manifest.parts,
    )
    return manifest.model_copy(update={"content_digest": digest})


def rewritten(store, manifest, number, change):
    """The manifest after one part was replaced by another table, digests and all."""
    part = manifest.parts[number]
    sink = io.BytesIO()
    pq.write_table(change(pq.read_table(io.BytesIO(store.get(PREFIX + part.path)))), sink)
    store.put(PREFIX + part.path, sink.getvalue())
    return edited(manifest, number, sha256=sha256_hex(sink.getvalue()), size_bytes=len(sink.getvalue()))


def test_sound_snapshot_has_no_problems_and_all_of_it_was_read(store, manifest):
    verification = verify(store, manifest)

    assert verification.problems == ()
    assert verification.rows == 250
    assert verification.files == len(manifest.parts) + len(manifest.extras)
    beside = {PREFIX + name for name in (*describe(manifest), "manifest.json", "revisions/0.json")}
    stored = sum(s.size_bytes for s in store.list(PREFIX) if s.key not in beside)
    assert verification.size_bytes == stored


@pytest.mark.parametrize("at", [0, 100, -1])
def test_flipped_byte_is_found(store, manifest, at):
    key = PREFIX + manifest.parts[1].path
    body = bytearray(store.get(key))
    body[at] ^= 1
    store.put(key, bytes(body))

    assert f"{manifest.parts[1].path} has sha256 {sha256_hex(bytes(body))[:12]}…" in problems(store, manifest)


def test_every_file_beside_the_data_is_verified_too(store, manifest):
    for extra in manifest.extras:
        store.put(PREFIX + extra.path, store.get(PREFIX + extra.path)[:-1] + b"?")

    found = verify(store, manifest).problems

    assert len(found) == len(manifest.extras) >= 2
    assert all(extra.path in problem for extra, problem in zip(manifest.extras, found, strict=True))


@pytest.mark.parametrize("number", [0, 2, -1])
def test_missing_part_is_found(store, manifest, number):
    store.delete(PREFIX + manifest.parts[number].path)

    assert verify(store, manifest).problems == (
        f"{WHAT}: {manifest.parts[number].path} is missing, the manifest lists it.",
    )


def test_truncated_and_empty_parts_are_found(store, manifest):
    first, second = (PREFIX + part.path for part in manifest.parts[:2])
    store.put(first, store.get(first)[:-7])
    store.put(second, b"")

    found = problems(store, manifest)

    assert f"has {manifest.parts[0].size_bytes - 7} bytes, the manifest says {manifest.parts[0].size_bytes}." in found
    assert "has 0 bytes" in found


def test_parts_swapped_on_disk_are_found(store, manifest):
    first, second = (PREFIX + part.path for part in manifest.parts[:2])
    bodies = store.get(first), store.get(second)
    store.put(first, bodies[1])
    store.put(second, bodies[0])

    assert len(verify(store, manifest).problems) >= 2


def test_parts_swapped_in_the_manifest_are_found_though_every_digest_fits(store, manifest):
    one, two, *rest = manifest.parts
    swapped = with_digest(manifest.model_copy(update={"parts": (two, one, *rest)}))

    assert "does not begin after the end of the part before: parts overlap or are swapped" in problems(store, swapped)


def test_part_listed_twice_is_found_though_every_digest_fits(store, manifest):
    one, *_, last = manifest.parts
    doubled = with_digest(manifest.model_copy(update={"parts": (one, one, last)}))

    assert "parts overlap or are swapped" in problems(store, doubled)


def test_wrong_count_of_a_part_is_found(store, manifest):
    rows = manifest.parts[0].rows
    found = problems(store, edited(manifest, 0, rows=rows + 1))

    assert f"{manifest.parts[0].path} has {rows} rows, the manifest says {rows + 1}." in found
    assert "its parts have 251 rows, the manifest says 250." in found


def test_wrong_bounds_of_a_part_are_found(store, manifest):
    found = problems(store, edited(manifest, 0, first_prn=manifest.parts[0].first_prn + 1))

    assert "spans PRNs" in found


def test_funnel_that_does_not_add_up_is_found(store, manifest):
    funnel = manifest.funnel.model_copy(update={"observations": manifest.funnel.observations + 1})

    assert "the funnel accounts for" in problems(store, manifest.model_copy(update={"funnel": funnel}))


@pytest.mark.parametrize("field", ["start", "width"])
def test_edited_draw_is_found(store, manifest, field):
    draw = manifest.draw.model_copy(update={field: getattr(manifest.draw, field) + 1})

    assert "its entries give content digest" in problems(store, manifest.model_copy(update={"draw": draw}))


def test_edited_digest_is_found(store, manifest):
    found = problems(store, manifest.model_copy(update={"content_digest": "0" * 64}))

    assert f"its entries give content digest {manifest.content_digest}, the manifest says 000000" in found


def test_rows_out_of_order_are_found_though_every_digest_fits(store, manifest):
    found = problems(store, rewritten(store, manifest, 1, lambda part: part.take([1, 0, *range(2, len(part))])))

    assert "is out of PRN order, or repeats an item, at row 1" in found


def test_repeated_row_is_found_though_every_digest_and_count_fits(store, manifest):
    found = problems(store, rewritten(store, manifest, 1, lambda part: part.take([0, 0, *range(2, len(part))])))

    assert "is out of PRN order, or repeats an item, at row 1" in found


def test_row_without_an_id_is_found_though_every_digest_fits(store, manifest):
    def blank(part):
        ids = pa.array([None, *part["image_id"].to_pylist()[1:]], pa.string())
        return part.set_column(part.column_names.index("image_id"), "image_id", ids)

    assert "has 1 rows without an image_id" in problems(store, rewritten(store, manifest, 1, blank))


def test_other_columns_are_found_though_every_digest_fits(store, manifest):
    found = problems(store, rewritten(store, manifest, 0, lambda part: part.drop_columns("url")))

    assert "has columns [" in found


def test_row_past_the_interval_covered_is_found(store, manifest):
    draw = manifest.draw.model_copy(update={"width": manifest.draw.width - 1})

    found = problems(store, with_digest(manifest.model_copy(update={"draw": draw})))

    assert f"the snapshot covers {manifest.draw.width - 1}" in found


def test_part_without_rows_is_found_and_not_a_crash(store, manifest):
    found = problems(store, rewritten(store, manifest, 1, lambda part: part.slice(0, 0)))

    assert f"has 0 rows, the manifest says {manifest.parts[1].rows}" in found


def test_part_that_is_no_parquet_is_found_though_every_digest_fits(store, manifest):
    store.put(PREFIX + manifest.parts[1].path, b"not parquet")
    damaged = edited(manifest, 1, sha256=sha256_hex(b"not parquet"), size_bytes=11)

    assert "is not readable as Parquet" in problems(store, damaged)


def test_file_the_manifest_does_not_list_is_reported(store, manifest):
    store.copy(PREFIX + manifest.parts[0].path, PREFIX + "data/left-behind.parquet")

    assert problems(store, manifest) == f"{WHAT}: data/left-behind.parquet lies there, the manifest does not list it."

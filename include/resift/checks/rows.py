"""Gathers a bounded random sample of rows, and reduces each to flags that name nobody.

What Great Expectations sees ends up in pages that are published, so no id, owner or evidence reaches it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pandas.util import hash_array

from resift.checks.validity import CIRCLE
from resift.errors import StagingError
from resift.model.grid import midnight
from resift.model.observation import EVIDENCE, INSTANT, PRN, STATES
from resift.model.refresh import CutReceipt, PartEntry, Plan

MOST_ROWS = 10_000
"""Rows the judge looks at, whatever the snapshot's size: Great Expectations costs 1 µs per row and expectation."""

ORIGIN_EVIDENCE = tuple(name for name in EVIDENCE.names if name != "owner_id")
"""Evidence that can say where an image comes from."""

PART = "part"
"""Column of the path of the part that a row was picked from."""

SAMPLE_COLUMNS = (PRN, "image_id", "observed_at", "state", "newest_state", *ORIGIN_EVIDENCE, PART)
"""What the audit's row sample must hold: rows of the staged evidence will do, each with its part. It may hold more."""

_OTHER_TYPES = {PRN: pa.int64(), "observed_at": INSTANT}
_SCHEMA = pa.schema({name: _OTHER_TYPES.get(name, pa.string()) for name in SAMPLE_COLUMNS})


def gather(samples: Iterable[tuple[str, pa.Table]], *, seed: int, most: int = MOST_ROWS) -> pa.Table:
    """Return at most ``most`` rows of all samples, each with the same probability.

    Uniform over the snapshot if the audit picked rows with one probability in every part. Memory holds
    twice the rows returned and one sample more. The same seed and samples give the same rows.

    Args:
        samples: Where a sample lies and the rows the audit picked, in the order of the parts.
        seed: Any number that the sampler of the pool does not use.
        most: Rows to return at most.

    Raises:
        StagingError: A sample lacks one of ``SAMPLE_COLUMNS``.
    """
    generator = np.random.default_rng(seed)
    chosen, keys, waiting = [_SCHEMA.empty_table()], [np.empty(0)], 0
    for key, sample in samples:
        rows = _required(key, sample)
        chosen.append(rows)
        keys.append(generator.random(rows.num_rows))
        waiting += rows.num_rows
        # Joined now and then: done for each of many samples, it would take longer than all else.
        if waiting > most:
            rows, kept = _smallest(chosen, keys, most)
            chosen, keys, waiting = [rows], [kept], 0
    return _smallest(chosen, keys, most)[0]


def rows_due(parts: Iterable[PartEntry], *, most: int = MOST_ROWS) -> dict[str, int]:
    """Return how many rows the audit owes of each part: every k-th of the snapshot, counted through from its first.

    Computed here apart from the audit, so that one that picks too few of them is found.
    """
    parts = list(parts)
    step = max(1, math.ceil(sum(part.rows for part in parts) / most))
    due, end = dict[str, int](), 0
    for part in parts:
        begin, end = end, end + part.rows
        due[part.path] = math.ceil(end / step) - math.ceil(begin / step)
    return due


def _smallest(tables: list[pa.Table], keys: list[np.ndarray], most: int) -> tuple[pa.Table, np.ndarray]:
    """Return the rows with the smallest keys, in their order. Random keys make them a simple random sample."""
    rows, joined = pa.concat_tables(tables).combine_chunks(), np.concatenate(keys)
    if len(joined) <= most:
        return rows, joined
    places = np.sort(np.argpartition(joined, most)[:most])
    return rows.take(places), joined[places]


def sample_frame(sample: pa.Table, *, plan: Plan, cut: CutReceipt, salt: str) -> pd.DataFrame:
    """Return one row of flags per sampled row: its part, and in numbers what is wrong with it.

    Args:
        sample: What ``gather`` returned.
        plan: Says as_of and the start point.
        cut: Says where the sample ends.
        salt: The pool's; the PRN of each id is computed again with it.
    """
    as_of = midnight(plan.version)
    ids = sample["image_id"].to_numpy(zero_copy_only=False).astype(object)
    prn = sample[PRN].to_numpy()
    offsets = (prn - np.int64(plan.start)) & np.int64(CIRCLE - 1)
    null_ids = pc.is_null(sample["image_id"]).to_numpy()
    ages = pd.Timestamp(as_of) - pd.Series(sample["observed_at"].to_pandas())
    return pd.DataFrame(
        {
            PART: sample[PART].to_numpy(zero_copy_only=False).astype(object),
            "null_id": null_ids.astype(int),
            "repeats": pd.Series(ids).duplicated(keep=False).to_numpy().astype(int),
            "prn_differs": (null_ids | (_numbers(ids, salt=salt) != prn)).astype(int),
            "beyond_cut": np.zeros(len(prn), int) if cut.width >= CIRCLE else (offsets >= cut.width).astype(int),
            "not_public": (_closed(sample["state"]) | _closed(sample["newest_state"])).astype(int),
            "after_as_of": (~(ages >= timedelta(0))).astype(int).to_numpy(),
            # Rounded up: whole days are over max_age exactly when the age is.
            "age_days": np.ceil(ages / timedelta(days=1)).fillna(1e9).to_numpy(),
            "evidence_fields": _evidence_fields(sample),
        }
    )


def _numbers(ids: np.ndarray, *, salt: str) -> np.ndarray:
    text = np.array(["" if one is None else one for one in ids], dtype=object)
    hashes: np.ndarray = hash_array(text, hash_key=salt, categorize=False)
    return (hashes >> np.uint64(1)).view(np.int64)


def _closed(states: pa.ChunkedArray) -> np.ndarray:
    closed: np.ndarray = pc.fill_null(pc.not_equal(states, STATES[0]), True).to_numpy()
    return closed


def _evidence_fields(sample: pa.Table) -> np.ndarray:
    count = np.zeros(sample.num_rows, dtype=int)
    for name in ORIGIN_EVIDENCE:
        said = pc.not_equal(pc.utf8_trim_whitespace(sample[name]), "")
        count += pc.fill_null(said, False).to_numpy()
    return count


def _required(key: str, sample: pa.Table) -> pa.Table:
    if missing := [name for name in SAMPLE_COLUMNS if name not in sample.column_names]:
        raise StagingError(
            f"row sample {key}: found no column {', '.join(missing)}, expected {', '.join(SAMPLE_COLUMNS)}. "
            "Run audit again with this version of resift."
        )
    rows = sample.select(SAMPLE_COLUMNS)
    # Casting some columns takes longer than reading them, and is hardly ever needed.
    return pa.table(rows.columns, _SCHEMA) if rows.schema.types == _SCHEMA.types else rows.cast(_SCHEMA)

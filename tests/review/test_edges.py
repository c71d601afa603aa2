"""Edges of numbers, words and dates."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from builders import cycle, instant, make_dataset, make_pool, observation
from pydantic import ValidationError

from resift.model.document import sha256_hex
from resift.model.keys import Staging
from resift.model.observation import PRN
from resift.model.pool import RunEntry
from resift.policy.judge import read_country, read_subdivision
from resift.steps.plan import plan, read_plan
from resift.steps.runs import PoolReader
from resift.storage import MemoryStore

TOP = 2**63


def test_prns_next_to_a_border_or_to_the_top_of_the_circle_are_read_once_and_in_their_slice():
    border = 3 * 2**61 + 1
    prn = np.array([border - 2, border - 1, border, border + 1, TOP - 2, TOP - 1], dtype=np.int64)
    store, sink = MemoryStore(), pa.BufferOutputStream()
    pq.write_table(pa.table({PRN: prn}), sink)
    store.put("run", body := sink.getvalue().to_pybytes())
    entry = RunEntry(
        key="run",
        rows=len(prn),
        size_bytes=len(body),
        sha256=sha256_hex(body),
        prn_min=int(prn[0]),
        prn_max=int(prn[-1]),
        row_group_first=(int(prn[0]),),
        row_group_rows=(len(prn),),
    )
    reader = PoolReader(store, [entry], pa.schema([(PRN, pa.int64())]))

    assert reader.read(0, border)[PRN].to_pylist() == prn[:2].tolist()
    assert reader.read(border, TOP)[PRN].to_pylist() == prn[2:].tolist()


@pytest.mark.parametrize("value", ["ß", "ſa", "ın", "ﬁ", "ſe", "\u200bUS", "４０８"])
def test_letters_that_only_become_ascii_by_case_mapping_are_no_country(value):
    assert read_country(value) is None
    assert read_subdivision(f"{value}-1") is None


def test_subdivision_of_other_than_ascii_letters_and_digits_is_unreadable():
    assert read_subdivision("US-²") is None
    assert read_subdivision("us-ny") == "US"


def test_prn_is_published_anyway_and_may_not_be_named_twice():
    with pytest.raises(ValidationError, match="prn"):
        make_dataset(publish_columns=["image_id", "prn"])


def test_plan_counts_days_in_utc_whatever_the_zone_of_known_at():
    store = MemoryStore()
    make_pool(store, [observation("image", instant(cycle(0), hours=-1))])
    late = datetime(2026, 3, 1, 1, tzinfo=timezone(timedelta(hours=5)))

    receipt = plan(store, dataset=make_dataset(), as_of=cycle(0), known_at=late)

    frozen = read_plan(store, Staging("sample", cycle(0), receipt.plan_id))
    assert str(frozen.known_at.date()) == "2026-02-28"

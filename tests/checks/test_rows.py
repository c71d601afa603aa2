"""The sample the judge sees is bounded and uniform; the bounds of chance are what they say."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pyarrow as pa
import pytest
from checks.staged_refresh import staged

from resift.checks.rows import SAMPLE_COLUMNS, gather, rows_due
from resift.errors import StagingError

CASE = staged(parts=2, rows=100)
ROWS = CASE.sample.select(SAMPLE_COLUMNS).drop_columns("part")
PART = CASE.cut.parts[0]


def of(part: str, rows: pa.Table) -> tuple[str, pa.Table]:
    """What was picked from one part."""
    return f"sample/{part}", rows.append_column("part", pa.repeat(part, len(rows)))


def numbered(first: int, count: int) -> pa.Table:
    table = ROWS.slice(0, 1).take([0] * count)
    return table.set_column(0, ROWS.schema.field("prn"), pa.array(np.arange(first, first + count)))


def test_all_rows_are_kept_when_they_are_few() -> None:
    gathered = gather([of("a", ROWS.slice(0, 3)), of("b", ROWS.slice(3, 2))], seed=1)

    assert gathered["part"].to_pylist() == ["a", "a", "a", "b", "b"]


def test_no_more_rows_than_allowed_are_kept_and_their_order_stays() -> None:
    gathered = gather([of("a", numbered(0, 30)), of("b", numbered(30, 30))], seed=1, most=7)

    assert gathered.num_rows == 7
    assert gathered["prn"].to_pylist() == sorted(gathered["prn"].to_pylist())


def test_every_row_is_kept_equally_often() -> None:
    parts = [of("a", numbered(0, 10)), of("b", numbered(10, 30))]

    kept = [number for seed in range(400) for number in gather(parts, seed=seed, most=10)["prn"].to_pylist()]

    counts = np.bincount(kept, minlength=40)
    chi_square = float(((counts - 100) ** 2 / 100).sum()) / (1 - 10 / 40)
    normal = ((chi_square / 39) ** (1 / 3) - (1 - 2 / (9 * 39))) / (2 / (9 * 39)) ** 0.5  # Wilson and Hilferty (1931)
    assert normal < NormalDist().inv_cdf(0.9999)


def test_every_kth_row_is_counted_through_from_part_to_part() -> None:
    sizes = {"a": 25, "b": 4, "c": 21, "d": 50}
    parts = [PART.model_copy(update={"path": name, "rows": rows}) for name, rows in sizes.items()]

    due = rows_due(parts, most=10)

    assert due == {"a": 3, "b": 0, "c": 2, "d": 5}
    assert sum(due.values()) == 10


def test_no_samples_give_no_rows() -> None:
    assert gather([], seed=1).num_rows == 0


def test_sample_without_a_column_is_refused() -> None:
    with pytest.raises(
        StagingError, match=r"row sample sample/p: found no column state, expected prn, image_id.*Run audit"
    ):
        gather([of("p", ROWS.drop_columns("state"))], seed=1)


def test_bound_for_many_parts_is_as_rarely_passed_by_chance_as_five_sigma_for_one() -> None:
    from resift.checks.suites import hole_limit, sigma_limit

    assert sigma_limit(1) == 5.0
    assert sigma_limit(1000) == pytest.approx(6.2, abs=0.02)
    assert hole_limit(1) == pytest.approx(14.37, abs=0.02)

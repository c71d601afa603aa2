"""Says what is judged: three Great Expectations suites, each limit in them with its reason.

``parts`` looks at the metrics of every part, ``snapshot`` at their totals, ``sample`` at a random sample of rows.
Importing this module imports Great Expectations.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

from resift.checks.frames import published_schema
from resift.checks.gx import gx, gxe
from resift.checks.rows import MOST_ROWS
from resift.model.dataset import Dataset
from resift.model.refresh import Plan

CHANCE = 2 * (1 - NormalDist().cdf(5))
"""How often chance alone may stop a sound snapshot, for each law of chance: 5 sigma, once in 1.7 million refreshes."""

_NAMED = "publish_columns of the dataset file names what leaves the pool."
_TYPED = "What loads the last version must load this one."


def sigma_limit(looks: int) -> float:
    """Return the bound, in standard errors, that chance passes with 5 sigma's probability in any of so many looks.

    5.0 for one part and 6.2 for a thousand (Bonferroni): with 5 for each, a thousand parts would stop one sound
    snapshot in 1,700, and no second run could mend it.
    """
    return round(-NormalDist().inv_cdf(CHANCE / 2 / max(1, looks)), 2)


def hole_limit(rows: int) -> float:
    """Return how many rows the widest stretch without any may be expected to hold.

    The widest of ``n`` uniform spacings exceeds ``ln n + x`` mean spacings with probability ``exp(-x)``.
    """
    return round(math.log(max(1, rows)) - math.log(CHANCE), 2)


def parts_suite(plan: Plan, *, parts: int) -> Any:
    """Return what every part must satisfy, given how many there are."""
    dataset, schema, sigmas = plan.dataset, published_schema(plan), sigma_limit(parts)
    counts = [
        _zero("null_ids", "ids are not null", "An item without an id can be neither suppressed nor erased."),
        _zero("prn_order_breaks", "rows are in PRN order", "Each prefix of a snapshot is itself a random sample."),
        _zero(
            "offsets_outside_range", "rows lie in their range", "Ranges are disjoint, so ids are unique across parts."
        ),
        _zero(
            "prn_differs", "every PRN is the pool's hash of its id", "Unique PRNs then mean unique ids, in all parts."
        ),
        _zero("offset_excess", "first and last row lie in their range", "Measured ends against the plan's range."),
        _zero("not_public", "every item is public", "Only items public at as_of and not closed since may be drawn."),
        _zero("stale", "no item is stale", f"max_age of the dataset is {dataset.max_age.days}d."),
        _zero("observed_after_as_of", "no observation is later than as_of", "A backfill has no look-ahead."),
        _zero("suppressed", "no item is suppressed", "Removal is final."),
        _zero(
            "excluded", "no item is excluded by policy", f"Policy {dataset.policy}, over evidence read independently."
        ),
        _zero("evidence_mismatches", "evidence belongs to its row", "Evidence of another item proves nothing."),
    ]
    pairs = [
        _equal("rows", "cut_rows", "rows agree with the cut", "What was counted is what is published."),
        _equal("distinct_ids", "rows", "ids are unique", "An item drawn twice has twice the probability."),
        _equal("evidence_rows", "rows", "every row has evidence", "No evidence of origin: excluded."),
        _equal("sha256", "cut_sha256", "bytes are those of the cut", "The content digest names these bytes."),
        _equal("size_bytes", "cut_size_bytes", "sizes agree with the cut", "The manifest promises this size."),
        _equal("first_prn", "cut_first_prn", "first PRN agrees with the cut", "Readers find a PRN by the manifest."),
        _equal("last_prn", "cut_last_prn", "last PRN agrees with the cut", "Readers find a PRN by the manifest."),
        _at_least("as_of", "observed_max", "newest observation is not after as_of", "A backfill has no look-ahead."),
        _at_least("observed_min", "oldest_allowed", "oldest observation is within max_age", "Older items are stale."),
    ]
    return _suite(
        "parts",
        [
            gxe.ExpectTableRowCountToBeBetween(
                min_value=1, **_words("there are parts", "at least 1 part", "Nothing measured is nothing proven.")
            ),
            _between("audits", 1, 1, "each part was audited once", "An unmeasured part is unproven."),
            _between("in_cut", 1, 1, "each audited part belongs to the cut", "A part of another refresh is foreign."),
            _between("rows", 1, None, "no part is empty", "A range without items has no part."),
            _one_of("columns", ", ".join(schema), "columns are the published ones, in order", _NAMED),
            _one_of("column_types", ", ".join(schema.values()), "columns have their types", _TYPED),
            *counts,
            *pairs,
            _between("gap_before", 1, None, "parts are disjoint and ascend", "Uniqueness across parts rests on it."),
            _between("uniformity_sigmas", None, sigmas, "PRNs are uniform within the part", _chance(parts)),
            _between(
                "evenness_sigmas", None, sigmas, "whole ranges hold their share of rows", _chance(parts), void=True
            ),
        ],
    )


def snapshot_suite(dataset: Dataset, *, rows: int, first: bool) -> Any:
    """Return what the totals must satisfy.

    Args:
        dataset: Whose limits hold.
        rows: Rows measured.
        first: True where there is no previous snapshot whose members could be accounted for.
    """
    share = dataset.limits.min_size_share
    # Rounded first: 0.28 × 5,000 is 1,400.0000000000002 in floating point, and one row too many.
    least = max(1, math.ceil(round(share * dataset.size, 6)))
    members = [
        _equal(
            "stayed_of_previous",
            "stayed_of_rows",
            "members of the previous snapshot are accounted for",
            "Previous members less those that left are this snapshot's rows less those that entered.",
        )
    ]
    return _suite(
        "snapshot",
        [
            _equal("parts", "parts_of_cut", "every part of the cut was audited", "An unmeasured part is unproven."),
            _equal("rows", "rows_of_cut", "rows of all parts are the rows of the cut", "Rows in = kept + removed."),
            _equal("rows_of_entries", "rows_of_cut", "the cut's parts add up", "Rows in = kept + removed."),
            _equal("rows", "rows_due", "the sample has its size", "Exactly size items, or all where there are fewer."),
            _between(
                "rows", least, None, "the snapshot is large enough", f"min_size_share {share:g} of {dataset.size}."
            ),
            _equal(
                "observations",
                "observations_accounted",
                "every observation is accounted for",
                "Observations = superseded + removed by reason + kept; nothing is dropped silently.",
            ),
            _zero(
                "unknown_reasons", "each removed item has a known reason", "A reason nobody defined explains nothing."
            ),
            _zero("negative_counts", "no count is negative", "A negative count hides rows in a sum."),
            _equal("width", "width_due", "the width ends at the last row", "The inclusion probability rests on it."),
            _between(
                "widest_hole_rows",
                None,
                hole_limit(rows),
                "no stretch of PRNs lacks its rows",
                "Widest of n uniform spacings: ln n plus 14 mean spacings, by chance once in 1.7 million refreshes.",
            ),
            *([] if first else members),
        ],
    )


def sample_suite(dataset: Dataset) -> Any:
    """Return what every sampled row must satisfy, by flags computed from the staged row and its evidence."""
    days = dataset.max_age.days
    return _suite(
        "sample",
        [
            gxe.ExpectTableRowCountToBeBetween(
                min_value=1,
                max_value=MOST_ROWS,
                **_words("rows were sampled", f"1 to {MOST_ROWS} rows", "No rows seen is nothing proven."),
            ),
            _zero("null_id", "sampled ids are not null", "An item without an id can be neither suppressed nor erased."),
            _zero("repeats", "sampled ids are unique", "An item drawn twice has twice the probability."),
            _zero("prn_differs", "PRNs are the pool's hash of the id", "Only a permanent number gives equal chances."),
            _zero("beyond_cut", "sampled rows lie before the cut", "The width gives the inclusion probability."),
            _zero("not_public", "sampled items are public", "Only public items may be drawn."),
            _zero("after_as_of", "no sampled observation is later than as_of", "A backfill has no look-ahead."),
            _between("age_days", None, days, "no sampled item is stale", f"max_age of the dataset is {days}d."),
            _between("evidence_fields", 1, None, "each sampled item has evidence of origin", "No evidence: excluded."),
        ],
    )


def _chance(looks: int) -> str:
    return f"PRNs are uniform; 5 sigma over {looks} parts together, by chance once in 1.7 million refreshes."


def _suite(name: str, expectations: list[Any]) -> Any:
    return gx.ExpectationSuite(name=name, expectations=expectations)


def _words(rule: str, limit: str, reason: str, *, void: bool = False) -> dict[str, Any]:
    """Return what names an expectation, its limit and its reason, on the pages and in findings."""
    meta = {"rule": rule, "limit": limit, "may_be_void": void}
    return {"description": f"{rule}: {limit}", "notes": reason, "meta": meta}


def _zero(column: str, rule: str, reason: str) -> Any:
    return _between(column, 0, 0, rule, reason)


def _between(column: str, low: float | None, high: float | None, rule: str, reason: str, *, void: bool = False) -> Any:
    if low == high:
        limit = f"{column} = {low:g}"
    else:
        limit = f"{column} at least {low:.15g}" if high is None else f"{column} at most {high:.15g}"
    words = _words(rule, limit, reason, void=void)
    return gxe.ExpectColumnValuesToBeBetween(column=column, min_value=low, max_value=high, **words)


def _equal(found: str, due: str, rule: str, reason: str) -> Any:
    words = _words(rule, f"{found} = {due}", reason)
    return gxe.ExpectColumnPairValuesToBeEqual(column_A=found, column_B=due, **words)


def _at_least(larger: str, smaller: str, rule: str, reason: str) -> Any:
    words = _words(rule, f"{larger} at least {smaller}", reason)
    return gxe.ExpectColumnPairValuesAToBeGreaterThanB(column_A=larger, column_B=smaller, or_equal=True, **words)


def _one_of(column: str, value: str, rule: str, reason: str) -> Any:
    words = _words(rule, f"{column} = {value}", reason)
    return gxe.ExpectColumnValuesToBeInSet(column=column, value_set=[value], **words)

"""Says what is judged: three Great Expectations suites, each limit in them with its reason.

``parts`` looks at the metrics of every part, ``snapshot`` at their totals, ``sample`` at a random sample of rows.
Importing this module imports Great Expectations.
"""

from __future__ import annotations

import math
from typing import Any

from resift.checks.chance import hole_limit, sigma_limit, uniform_limit
from resift.checks.expect import at_least, between, equal, one_of, rows_between, suite, zero
from resift.checks.frames import published_schema
from resift.checks.rows import MOST_ROWS
from resift.model.dataset import Dataset
from resift.model.refresh import Plan

_NAMED = "publish_columns of the dataset file names what leaves the pool."
_TYPED = "What loads the last version must load this one."


def parts_suite(plan: Plan, *, parts: int) -> Any:
    """Return what every part must satisfy, given how many there are."""
    dataset, schema, sigmas = plan.dataset, published_schema(plan), sigma_limit(parts)
    counts = [
        zero("null_ids", "ids are not null", "An item without an id can be neither suppressed nor erased."),
        zero("required_nulls", "PRN and observed_at are not null", "Every observation has both; a null was put in."),
        zero("prn_order_breaks", "rows are in PRN order", "Each prefix of a snapshot is itself a random sample."),
        zero(
            "offsets_outside_range", "rows lie in their range", "Ranges are disjoint, so ids are unique across parts."
        ),
        zero(
            "prn_differs", "every PRN is the pool's hash of its id", "Unique PRNs then mean unique ids, in all parts."
        ),
        zero("offset_excess", "first and last row lie in their range", "Measured ends against the plan's range."),
        zero("not_public", "every item is public", "Only items public at as_of and not closed since may be drawn."),
        zero("stale", "no item is stale", f"max_age of the dataset is {dataset.max_age.days}d."),
        zero("observed_after_as_of", "no observation is later than as_of", "A backfill has no look-ahead."),
        zero("suppressed", "no item is suppressed", "Removal is final."),
        zero(
            "excluded", "no item is excluded by policy", f"Policy {dataset.policy}, over evidence read independently."
        ),
        zero("evidence_mismatches", "evidence belongs to its row", "Evidence of another item proves nothing."),
    ]
    pairs = [
        equal("rows", "cut_rows", "rows agree with the cut", "What was counted is what is published."),
        equal("distinct_ids", "rows", "ids are unique", "An item drawn twice has twice the probability."),
        equal("evidence_rows", "rows", "every row has evidence", "No evidence of origin: excluded."),
        equal("sha256", "cut_sha256", "bytes are those of the cut", "The content digest names these bytes."),
        equal("size_bytes", "cut_size_bytes", "sizes agree with the cut", "The manifest promises this size."),
        equal("first_prn", "cut_first_prn", "first PRN agrees with the cut", "Readers find a PRN by the manifest."),
        equal("last_prn", "cut_last_prn", "last PRN agrees with the cut", "Readers find a PRN by the manifest."),
        equal(
            "sampled",
            "sampled_due",
            "every k-th row of the part was sampled",
            "Rows left out of the sample are rows no expectation saw.",
        ),
        at_least("as_of", "observed_max", "newest observation is not after as_of", "A backfill has no look-ahead."),
        at_least("observed_min", "oldest_allowed", "oldest observation is within max_age", "Older items are stale."),
    ]
    return suite(
        "parts",
        [
            rows_between(1, None, "there are parts", "at least 1 part", "Nothing measured is nothing proven."),
            between("audits", 1, 1, "each part was audited once", "An unmeasured part is unproven."),
            between("in_cut", 1, 1, "each audited part belongs to the cut", "A part of another refresh is foreign."),
            between("rows", 1, None, "no part is empty", "A range without items has no part."),
            one_of("columns", ", ".join(schema), "columns are the published ones, in order", _NAMED),
            one_of("column_types", ", ".join(schema.values()), "columns have their types", _TYPED),
            *counts,
            *pairs,
            between("gap_before", 1, None, "parts are disjoint and ascend", "Uniqueness across parts rests on it."),
            between("uniformity_sigmas", None, sigmas, "PRNs are uniform within the part", _chance(parts)),
            between(
                "widest_gap_rows",
                None,
                hole_limit(dataset.size),
                "no stretch of the part lacks its rows",
                "Widest of n uniform spacings: ln n plus 14 mean spacings, by chance once in 1.7 million refreshes.",
            ),
            between(
                "evenness_sigmas", None, sigmas, "whole ranges hold their share of rows", _chance(parts), void=True
            ),
        ],
    )


def snapshot_suite(dataset: Dataset, *, rows: int, sampled: int, first: bool) -> Any:
    """Return what the totals must satisfy.

    Args:
        dataset: Whose limits hold.
        rows: Rows measured.
        sampled: Rows sampled.
        first: True where there is no previous snapshot whose members could be accounted for.
    """
    share = dataset.limits.min_size_share
    # Rounded first: 0.28 × 5,000 is 1,400.0000000000002 in floating point, and one row too many.
    least = max(1, math.ceil(round(share * dataset.size, 6)))
    members = [
        equal(
            "stayed_of_previous",
            "stayed_of_rows",
            "members of the previous snapshot are accounted for",
            "Previous members less those that left are this snapshot's rows less those that entered.",
        )
    ]
    return suite(
        "snapshot",
        [
            equal("parts", "parts_of_cut", "every part of the cut was audited", "An unmeasured part is unproven."),
            equal("rows", "rows_of_cut", "rows of all parts are the rows of the cut", "Rows in = kept + removed."),
            equal("rows_of_entries", "rows_of_cut", "the cut's parts add up", "Rows in = kept + removed."),
            equal("rows", "rows_due", "the sample has its size", "Exactly size items, or all where there are fewer."),
            between(
                "rows", least, None, "the snapshot is large enough", f"min_size_share {share:g} of {dataset.size}."
            ),
            equal(
                "observations",
                "observations_accounted",
                "every observation is accounted for",
                "Observations = superseded + removed by reason + kept; nothing is dropped silently.",
            ),
            zero(
                "unknown_reasons", "each removed item has a known reason", "A reason nobody defined explains nothing."
            ),
            zero("negative_counts", "no count is negative", "A negative count hides rows in a sum."),
            equal("width", "width_due", "the width ends at the last row", "The inclusion probability rests on it."),
            between(
                "widest_hole_rows",
                None,
                hole_limit(rows),
                "no stretch of PRNs lacks its rows",
                "Widest of n uniform spacings: ln n plus 14 mean spacings, by chance once in 1.7 million refreshes.",
            ),
            between(
                "prn_distance",
                None,
                uniform_limit(sampled),
                "PRNs are uniform up to the cut",
                "A sample that prefers some PRNs prefers some items; by chance once in 1.7 million refreshes.",
            ),
            between(
                "width_sigmas",
                None,
                sigma_limit(1),
                "size of the pool by width agrees with the count",
                "Items counted beyond the cut against those the width foretells; probabilities rest on it.",
                void=True,
            ),
            between(
                "rotation_sigmas",
                None,
                sigma_limit(1),
                "members rotate as the start points say",
                "Who is still eligible leaves exactly if its PRN is no longer covered, whatever it shows.",
                void=True,
            ),
            *([] if first else members),
        ],
    )


def sample_suite(dataset: Dataset, *, due: int) -> Any:
    """Return what every sampled row must satisfy, by flags computed from the staged row and its evidence.

    Args:
        dataset: Whose limits hold.
        due: Rows the audit owes.
    """
    days, due = dataset.max_age.days, max(1, due)
    return suite(
        "sample",
        [
            rows_between(
                due,
                due,
                "rows were sampled",
                f"{due} rows",
                f"Every k-th, so that there are at most {MOST_ROWS}; no rows seen is nothing proven.",
            ),
            zero("null_id", "sampled ids are not null", "An item without an id can be neither suppressed nor erased."),
            zero("repeats", "sampled ids are unique", "An item drawn twice has twice the probability."),
            zero("prn_differs", "PRNs are the pool's hash of the id", "Only a permanent number gives equal chances."),
            zero("beyond_cut", "sampled rows lie before the cut", "The width gives the inclusion probability."),
            zero("not_public", "sampled items are public", "Only public items may be drawn."),
            zero("after_as_of", "no sampled observation is later than as_of", "A backfill has no look-ahead."),
            between("age_days", None, days, "no sampled item is stale", f"max_age of the dataset is {days}d."),
            between("evidence_fields", 1, None, "each sampled item has evidence of origin", "No evidence: excluded."),
        ],
    )


def _chance(looks: int) -> str:
    return f"PRNs are uniform; 5 sigma over {looks} parts together, by chance once in 1.7 million refreshes."

"""Says what must hold of a drop before it becomes part of the pool: of each of its files, and of all together.

Importing this module imports Great Expectations.
"""

from __future__ import annotations

from typing import Any

from resift.checks.chance import share_allowance
from resift.checks.expect import Consequence, at_least, between, equal, rows_between, suite, told, zero
from resift.checks.gx import gxe
from resift.model.source import Source

_COUNTED = "rows read = observations + quarantined; nothing is dropped silently."


def drop_files_suite() -> Any:
    """Return what each file of a drop must satisfy."""
    return suite(
        "drop_files",
        [
            rows_between(1, None, "the drop has files", "at least 1 file", "Nothing measured is nothing proven."),
            zero("negative_counts", "no count is negative", "A negative count hides rows in a sum."),
            equal("rows_read", "accounted", "every row is accounted for", _COUNTED),
            equal("quarantined", "with_reason", "every bad row has a reason", "Who mends a delivery must know why."),
            zero("nameless_reasons", "every reason says something", "An empty reason explains nothing."),
            equal("quarantine_found", "quarantine_due", "bad rows lie in quarantine", "They must be found again."),
            equal("observations", "run_rows", "observations lie in the run", "Counted by its footer."),
        ],
    )


def drop_runs_suite() -> Any:
    """Return what each row group of each run must satisfy, by the footer and the instants read back."""
    return suite(
        "drop_runs",
        [
            equal("rows", "listed_rows", "row groups have the rows listed", "Readers skip groups by this index."),
            equal("first_prn", "listed_first_prn", "row groups begin as listed", "Readers skip groups by this index."),
            at_least("last_prn", "first_prn", "groups have PRNs", "Runs are sorted by PRN."),
            at_least("first_prn", "prn_before", "runs are sorted", "A merge of unsorted runs would lose the newest."),
            equal("run_size_bytes", "listed_run_size_bytes", "runs have their size", "A run cut short lost items."),
            zero("null_instants", "every observation has an instant", "The newest one speaks for an item."),
            zero("instants_outside", "instants are in [1970, 2100)", "A wrong unit puts them outside."),
        ],
    )


def drop_nulls_suite(source: Source, *, rows: int, before: int) -> Any:
    """Return how far the share of empty values in a field may lie from that of the source's last drops.

    Args:
        source: Whose limits hold.
        rows: Observations of public images in the drop.
        before: In the smallest of the drops it is compared with.
    """
    room, limits = share_allowance(rows=rows, before=before), source.null_drift
    warned = [_nulls("warn", limits.warn, room, "warn")]
    return suite(
        "drop_nulls", warned if limits.reject is None else [*warned, _nulls("reject", limits.reject, room, "fail")]
    )


def _nulls(key: str, most: float, room: float, on_break: Consequence) -> Any:
    limit = f"null_drift.{key} at most {most:.1%} and {room:.1%} for chance"
    reason = "A field that empties was renamed or lost at the source; the source file holds the limit."
    words = told("empty values are as many as before", limit, reason, void=True, on_break=on_break)
    high = round(most + room, 4)
    return gxe.ExpectColumnValuesToBeBetween(column="null_drift", min_value=0, max_value=high, **words)


def drop_suite(source: Source) -> Any:
    """Return what the drop as a whole must satisfy: its source file holds the limits."""
    budget = source.max_bad_rows
    return suite(
        "drop",
        [
            between("rows_read", 1, None, "the drop has rows", "An empty delivery is a failed one."),
            between("quarantined", 0, budget.count, "few rows are bad", "max_bad_rows.count of the source file."),
            between(
                "bad_share", 0, budget.share, "a small share of rows is bad", "max_bad_rows.share of the source file."
            ),
        ],
    )

"""Writes the tables of docs/quality.md from the suites: ``python tests/quality_pages.py``. A test holds them equal."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from builders import cycle, make_dataset, make_pool, observation, publish_unjudged
from checks.staged_refresh import staged
from drops import make_source

from resift.storage import MemoryStore

PAGE = Path(__file__).parents[1] / "docs" / "quality.md"
PARTS, ROWS = 4, 1_000_000


def suites() -> Iterator[Any]:
    """Yield every suite there is, for a dataset with the default limits, four parts and a million rows."""
    from resift.checks import drop_suite, published_suite, suites
    from resift.checks.drift_suite import drift_suite

    plan = staged(parts=PARTS).plan
    dataset = plan.dataset.model_copy(update={"size": ROWS})
    yield suites.parts_suite(plan.model_copy(update={"dataset": dataset}), parts=PARTS)
    yield suites.snapshot_suite(dataset, rows=ROWS, sampled=suites.MOST_ROWS, first=False)
    yield suites.sample_suite(dataset, due=suites.MOST_ROWS)
    yield drift_suite(dataset, rows=ROWS, before=ROWS, previous=None)
    yield drop_suite.drop_files_suite()
    yield drop_suite.drop_runs_suite()
    yield drop_suite.drop_suite(make_source(max_bad_rows={}))
    source = make_source(max_bad_rows={}, null_drift={"reject": 0.5})
    yield drop_suite.drop_nulls_suite(source, rows=ROWS, before=ROWS)
    yield published_suite.files_suite()
    yield published_suite.published_parts_suite(_published())
    yield published_suite.published_suite()


def _published() -> Any:
    """Return the manifest of a small version, for its columns."""
    store = MemoryStore()
    make_pool(store, [observation("i", cycle(0))])
    return publish_unjudged(store, make_dataset(size=1), cycle(0))


def table(suite: Any) -> str:
    """Return the rules of one suite as the page shows them."""
    lines = ["| rule | limit | reason |", "|---|---|---|"]
    for one in suite.expectations:
        broken = {"warn": "warns", "hold": "holds", "fail": "stops"}[one.meta["on_break"]]
        limit = one.meta["limit"] + (f"; {broken}" if broken != "stops" else "")
        lines.append(f"| {one.meta['rule']} | {limit} | {one.notes} |")
    return "\n".join(lines)


def written(page: str) -> str:
    """Return the page with every table as the suites have it."""
    for suite in suites():
        name = suite.name
        shown = f"<!-- suite {name} -->\n{table(suite)}\n<!-- /suite -->"
        page, found = re.subn(
            rf"<!-- suite {name} -->.*?<!-- /suite -->", lambda _, shown=shown: shown, page, flags=re.DOTALL
        )
        if found != 1:
            raise SystemExit(f"docs/quality.md: found {found} tables of suite {name}, expected one.")
    return page


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")

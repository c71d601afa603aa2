"""Holds suites against measurements outside a refresh: of a drop, and of a published version."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa

from resift.checks.findings import findings_of
from resift.checks.loading import load_judge
from resift.errors import ConfigError
from resift.model.manifest import Manifest
from resift.model.source import Source
from resift.model.verdict import Finding

Rows = Sequence[Mapping[str, Any]]
"""Measurements, each with the ``part`` they are of."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What suites said outside a refresh."""

    validations: tuple[Any, ...]

    @property
    def findings(self) -> list[Finding]:
        """What was found, in the order of the suites."""
        return [finding for one in self.validations for result in one.results() for finding in findings_of(result)]

    def pages(self) -> Iterator[tuple[str, bytes]]:
        """Yield name and content of each file of the Data Docs."""
        from resift.checks.docs import data_docs

        return data_docs(self.validations, self.findings)


def judge_drop(
    source: Source,
    *,
    files: Rows,
    groups: Rows,
    whole: Mapping[str, Any],
    nulls: Rows,
    compared: tuple[int, int],
    at: datetime,
) -> Judgement:
    """Return what is said of a drop that is not in its pool yet.

    Args:
        source: Its source file, which holds the limits.
        files: One row for each file.
        groups: One row for each row group of each run; none where every row is bad.
        whole: The counts of all files.
        nulls: One row for each field, with ``null_drift``: the difference of its share of nulls from what is usual.
        compared: Observations of public images in the drop, and in the smallest of those it is compared with.
        at: Instant the judgement is filed under.

    Raises:
        ConfigError: Great Expectations is not installed.
    """
    require_judge()
    load_judge()
    from resift.checks.drop_suite import drop_files_suite, drop_nulls_suite, drop_runs_suite, drop_suite

    runs = [(drop_runs_suite(), groups)] if groups else []
    drift = [(drop_nulls_suite(source, rows=compared[0], before=compared[1]), nulls)] if nulls else []
    return _judged([(drop_files_suite(), files), *runs, (drop_suite(source), [whole]), *drift], at=at)


def judge_published(manifest: Manifest, *, files: Rows, parts: Rows, whole: Mapping[str, Any]) -> Judgement:
    """Return what is said of a published version.

    Args:
        manifest: What it says of itself.
        files: One row for each file it lists.
        parts: One row for each part, in order.
        whole: Totals, chain, verdict and pointer.

    Raises:
        ConfigError: Great Expectations is not installed.
    """
    require_judge()
    load_judge()
    from resift.checks.published_suite import files_suite, published_parts_suite, published_suite

    subjects = [(files_suite(), files), (published_parts_suite(manifest), parts), (published_suite(), [whole])]
    return _judged(subjects, at=manifest.published_at)


def require_judge() -> None:
    """Check that there is something to judge with, before anything is measured.

    Raises:
        ConfigError: Great Expectations is not installed.
    """
    from importlib.util import find_spec

    if find_spec("great_expectations") is None:
        raise ConfigError(
            "judge: Great Expectations is not installed, expected the extra `airflow`, which brings it. "
            "In a clone of resift: pip install -c requirements.txt '.[airflow]'; or leave out --judge."
        )


def _judged(subjects: Iterable[tuple[Any, Rows]], *, at: datetime) -> Judgement:
    from resift.checks.gx import new_context, validate

    context = new_context()
    kept = {
        "result_format": "COMPLETE",
        "unexpected_index_column_names": ["part"],
        "return_unexpected_index_query": False,
    }
    return Judgement(
        tuple(
            validate(context, suite, pa.Table.from_pylist(list(rows)).to_pandas(), at=at, result_format=kept)
            for suite, rows in subjects
        )
    )

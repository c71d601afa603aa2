"""The one door to Great Expectations: no analytics, no progress bars, nothing kept on disk.

Importing this module costs 1.5 s of CPU or more, so nothing but a function that judges imports it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

# Read while Great Expectations is imported, so it must be set first.
os.environ["GX_ANALYTICS_ENABLED"] = "false"

import great_expectations as gx
import great_expectations.expectations as gxe
from great_expectations.core.run_identifier import RunIdentifier
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import ColumnPairMapExpectation
from great_expectations.expectations.metrics.map_metric_provider import (
    ColumnPairMapMetricProvider,
    column_pair_condition_partial,
)
from great_expectations.render.renderer.page_renderer import ExpectationSuitePageRenderer, ValidationResultsPageRenderer
from great_expectations.render.view import DefaultJinjaPageView

__all__ = [
    "ColumnPairMapExpectation",
    "ColumnPairMapMetricProvider",
    "DefaultJinjaPageView",
    "ExpectationSuitePageRenderer",
    "PandasExecutionEngine",
    "Validation",
    "ValidationResultsPageRenderer",
    "column_pair_condition_partial",
    "gx",
    "gxe",
    "new_context",
    "validate",
]


@dataclass(frozen=True, slots=True)
class Validation:
    """One suite, and what Great Expectations said when it was held against a frame."""

    suite: Any
    outcome: Any

    def results(self) -> list[dict[str, Any]]:
        """Return a plain result per expectation."""
        return [result.to_json_dict() for result in self.outcome.results]


def new_context() -> Any:
    """Return a context that lives in memory and draws no progress bars."""
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    for site in list(context.variables.data_docs_sites or {}):
        context.delete_data_docs_site(site)
    context.data_sources.add_pandas("staged")
    return context


def validate(
    context: Any, suite: Any, frame: pd.DataFrame, *, at: datetime, result_format: dict[str, Any]
) -> Validation:
    """Run one suite over one frame.

    Args:
        context: Where suite and result are kept for the pages.
        suite: An expectation suite; its name must be new in the context.
        frame: What to judge.
        at: Instant the run is filed under; not the wall clock, so that a second run has the same pages, byte by byte.
        result_format: How much of what failed is kept, as Great Expectations names it.
    """
    batch = (
        context.data_sources.get("staged").add_dataframe_asset(suite.name).add_batch_definition_whole_dataframe("all")
    )
    suite = context.suites.add(suite)
    definition = gx.ValidationDefinition(name=suite.name, data=batch, suite=suite)
    outcome = context.validation_definitions.add(definition).run(
        batch_parameters={"dataframe": frame},
        result_format=result_format,
        run_id=RunIdentifier(run_name="judge", run_time=at),
    )
    return Validation(suite, outcome)

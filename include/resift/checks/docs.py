"""Renders Data Docs, the pages Great Expectations makes of suites and results, so that they open offline.

What stands on the pages is what Great Expectations' own renderers say. The templates around it are ours: those it ships
load styles, scripts and a logo from eight hosts, each of which would learn who reads a snapshot's pages, and when.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any

from jinja2 import ChoiceLoader, PackageLoader

from resift.checks.gx import (
    DefaultJinjaPageView,
    ExpectationSuitePageRenderer,
    Validation,
    ValidationResultsPageRenderer,
)

_CLOCK = "collapse"
"""The overview's block that holds the moment of loading and the memory layout of the frame: other at each run."""


class _OfflineView(DefaultJinjaPageView):  # type: ignore[misc]
    """Great Expectations' view, with our templates where it has one that reaches out or needs a script."""

    def __init__(self) -> None:
        super().__init__()
        self.env.loader = ChoiceLoader([PackageLoader("resift", "checks/pages/docs"), self.env.loader])


def data_docs(validations: Sequence[Validation]) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of each page: an index, and for each suite what it expects and what was found.

    Names are relative, with ``/``. Pages load nothing, run no script, and are the same for the same results.
    """
    view = _OfflineView()
    index = view.env.get_template("index.html.j2").render(suites=[_summary(one) for one in validations])
    yield "index.html", index.encode()
    for one in validations:
        expected = ExpectationSuitePageRenderer().render(one.suite)
        yield f"expectations/{one.suite.name}.html", view.render(expected).encode()
        # The renderer looks for the asset's name where older versions of its library put it, and says None.
        one.outcome.meta["batch_spec"]["data_asset_name"] = one.suite.name
        found = _without_clock(ValidationResultsPageRenderer().render(_with_named_pairs(one.outcome)))
        # The renderer expects its page four folders down, by run and batch; there is one run, so ours lies beside.
        page = view.render(found).replace("../../../../expectations/", "../expectations/")
        yield f"validations/{one.suite.name}.html", page.encode()


def _summary(validation: Validation) -> dict[str, Any]:
    results = validation.results()
    broken = [one["expectation_config"]["meta"]["rule"] for one in results if not one["success"]]
    return {"name": validation.suite.name, "checks": len(results), "broken": broken}


def _with_named_pairs(outcome: Any) -> Any:
    """Return the outcome with each failed pair of values under the names of both.

    The renderer shows pairs without names, in an order that differs from one process to the next.
    """
    outcome = deepcopy(outcome)
    for one in outcome.results:
        about = one.result.get("unexpected_index_column_names", [])
        rows = one.result.get("unexpected_index_list") or []
        if rows and len(rows[0]) > len(about) + 1:
            one.result["unexpected_index_list"] = [_named_pair(row, about) for row in rows]
    return outcome


def _named_pair(row: Mapping[str, Any], about: Sequence[str]) -> dict[str, Any]:
    pair = ", ".join(f"{name} {value}" for name, value in row.items() if name not in about)
    return {"pair": pair, **{name: row[name] for name in about}}


def _without_clock(document: Any) -> Any:
    overview = document.sections[0]
    overview.content_blocks = [block for block in overview.content_blocks if block.content_block_type != _CLOCK]
    return document

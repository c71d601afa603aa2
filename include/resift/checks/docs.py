"""Renders Data Docs, the pages Great Expectations makes of suites and results, so that they open offline.

The index tells what was found, by whomever; the pages of a suite are what Great Expectations' own renderers say. The
templates around that are ours: those it ships load styles, scripts and a logo from eight hosts, each of which would
learn who reads a snapshot's pages, and when.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from jinja2 import ChoiceLoader, PackageLoader

from resift.checks.findings import findings_of, worst_of_each
from resift.checks.gx import (
    DefaultJinjaPageView,
    ExpectationSuitePageRenderer,
    Validation,
    ValidationResultsPageRenderer,
)
from resift.model.verdict import Finding

_CLOCK = "collapse"
"""The overview's block that holds the moment of loading and the memory layout of the frame: other at each run."""


class _OfflineView(DefaultJinjaPageView):  # type: ignore[misc]
    """Great Expectations' view, with our templates where it has one that reaches out or needs a script."""

    def __init__(self) -> None:
        super().__init__()
        self.env.loader = ChoiceLoader([PackageLoader("resift", "checks/pages/docs"), self.env.loader])


@dataclass(frozen=True, slots=True)
class _Outcome:
    """How a finding that is no pass looks."""

    word: str
    tone: str
    """The name Great Expectations' renderers give the colour; the style sheet has a mark to each."""


_OUTCOMES = {
    "fail": _Outcome("failed", "danger"),
    "hold": _Outcome("held", "danger"),
    "warn": _Outcome("worth a look", "warning"),
}
"""The most serious first."""


def data_docs(
    validations: Sequence[Validation], findings: Sequence[Finding], *, title: str = ""
) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of each page: an index, and for each suite what it expects and what was found.

    Names are relative, with ``/``. Pages load nothing, run no script, and are the same for the same results.

    Args:
        validations: Suites, and what Great Expectations said of each.
        findings: All that was found, by suites or without; what is no pass stands at the top of the index.
        title: What was judged and how, above them.
    """
    view = _OfflineView()
    suites = [{"name": one.suite.name, "checks": len(one.results()), "broken": _broken(one)} for one in validations]
    told = [(kind, finding) for kind in _OUTCOMES for finding in findings if finding.status == kind]
    words = {"title": title, "told": told, "outcomes": _OUTCOMES}
    yield "index.html", view.env.get_template("index.html.j2").render(suites=suites, **words).encode()
    for one in validations:
        expected = ExpectationSuitePageRenderer().render(one.suite)
        yield f"expectations/{one.suite.name}.html", view.render(expected).encode()
        # The renderer looks for the asset's name where older versions of its library put it, and says None.
        one.outcome.meta["batch_spec"]["data_asset_name"] = one.suite.name
        found = _without_clock(ValidationResultsPageRenderer().render(_with_named_pairs(one.outcome)))
        _name_status(found, _broken(one))
        # The renderer expects its page four folders down, by run and batch; there is one run, so ours lies beside.
        page = view.render(found).replace("../../../../expectations/", "../expectations/")
        yield f"validations/{one.suite.name}.html", page.encode()


def _broken(validation: Validation) -> dict[str, list[str]]:
    """Return the rules that did not hold, by what that means, the most serious first."""
    worst = worst_of_each(finding for result in validation.results() for finding in findings_of(result))
    rules = {kind: [finding.rule for finding in worst if finding.status == kind] for kind in _OUTCOMES}
    return {kind: named for kind, named in rules.items() if named}


def _name_status(document: Any, broken: Mapping[str, Any]) -> None:
    """Say in the overview what it means that rules are broken: the renderer says Failed of a mere warning."""
    if broken:
        outcome = _OUTCOMES[next(iter(broken))]
        words = document.sections[0].content_blocks[0].subheader.string_template["params"]
        words["success"] = outcome.word.capitalize()
        words["html_success_icon"] = f'<i class="text-{outcome.tone}"></i>'


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

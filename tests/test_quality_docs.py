"""The page on what is judged shows every rule of every suite, with its limit and its reason."""

from __future__ import annotations

import re

from quality_pages import PAGE, suites, written

from resift.checks.breaker import find_jumps
from resift.model.dataset import Limits
from resift.model.observation import TALLY


def test_page_shows_every_rule_with_its_limit_and_reason_and_no_other() -> None:
    """Mend by `python tests/quality_pages.py`."""
    page = PAGE.read_text(encoding="utf-8")

    assert written(page) == page
    assert re.findall(r"<!-- suite (\S+) -->", page) == [suite.name for suite in suites()]


def test_every_rule_has_a_reason() -> None:
    assert [one.meta["rule"] for suite in suites() for one in suite.expectations if not one.notes] == []


def test_runbook_says_what_to_do_about_every_limit_of_drift_that_holds() -> None:
    runbook = PAGE.with_name("runbook.md").read_text(encoding="utf-8")
    entry = runbook.partition("### Held because it drifted")[2].partition("\n### ")[0]
    drift = next(suite for suite in suites() if suite.name == "drift")

    held = {one.meta["limit"].split()[0] for one in drift.expectations if one.meta["on_break"] == "hold"}
    assert {limit for limit in held if f"`{limit}`" not in entry} == set()


def test_page_names_every_rule_of_the_breaker() -> None:
    page = PAGE.read_text(encoding="utf-8")
    rules = {finding.rule for finding in find_jumps(None, TALLY.empty_table(), Limits(), first=True)}  # type: ignore[arg-type]

    assert {rule for rule in rules if rule not in page} == set()

"""The judge's index says first what keeps a snapshot from being published, whoever found it, and what only warns."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from checks.staged_refresh import SALT, Staged, staged, tally

from resift.checks.judge import judge_metrics, verdict_on
from resift.model.dataset import Limits
from resift.model.verdict import Verdict

Pages = dict[str, str]


def judged(case: Staged) -> tuple[Verdict, Pages]:
    findings, evaluation = judge_metrics(case.plan, case.cut, case.metrics, case.sample, case.tally, salt=SALT)
    verdict = verdict_on(case.cut, findings, evaluated=len(evaluation.results))
    return verdict, {name: body.decode() for name, body in evaluation.pages(verdict)}


@pytest.fixture(scope="module")
def held() -> tuple[Verdict, Pages]:
    """A refresh the breaker holds for one host, and of which a measure of drift warns."""
    case = staged(limits=Limits(stale_share_warn=0.001))
    return judged(replace(case, tally=tally(("host", "a<b>.example", 100, 60), ("owner", "f00d", 60, 5))))


@pytest.fixture(scope="module")
def sound() -> tuple[Verdict, Pages]:
    return judged(staged())


def told(page: str) -> list[str]:
    """What the index says above its suites, without mark-up."""
    (above,) = re.findall(r"<main>(.*?)<table", page, flags=re.DOTALL)
    return [" ".join(re.sub("<[^>]*>", "", line).split()) for line in re.findall("<(?:h1|li|p)>.*", above)]


def outcomes(page: str) -> list[str]:
    """What the index says of each suite."""
    cells = re.findall(r"<td>(?:(?!<td>).)*?<i class.*?</td>", page, flags=re.DOTALL)
    return [" ".join(re.sub("<[^>]*>", "", cell).split()) for cell in cells]


def test_index_begins_with_the_verdict_what_holds_it_and_what_only_warns(held: tuple[Verdict, Pages]) -> None:
    verdict, pages = held
    (jump,), (warning,) = verdict.failures(), verdict.warnings()

    assert (jump.about, jump.rule) == ("host a<b>.example", "members lost by one host")
    assert told(pages["index.html"]) == [
        f"faces 2026-01-05: hold, seal {verdict.seal[:12]}",
        f"held {jump.message()}".replace("<", "&lt;").replace(">", "&gt;"),
        f"worth a look {warning.message()}",
    ]


def test_index_of_what_proceeds_says_so(sound: tuple[Verdict, Pages]) -> None:
    verdict, pages = sound

    assert told(pages["index.html"]) == [
        f"faces 2026-01-05: proceed, seal {verdict.seal[:12]}",
        "Nothing failed, is held or is worth a look.",
    ]


def test_warning_is_called_one_and_nothing_is_called_failed_for_it(held: tuple[Verdict, Pages]) -> None:
    _, pages = held

    assert outcomes(pages["index.html"]) == [
        "none broken",
        "none broken",
        "none broken",
        "worth a look: few members went stale",
    ]
    (status,) = re.findall(r"Status:</span> (.*)", pages["validations/drift.html"])
    assert status == '<i class="text-warning"></i> Worth a look'


def test_suite_says_the_most_serious_of_what_it_found() -> None:
    limits = Limits(stale_share_warn=0.001)
    verdict, pages = judged(staged(limits=limits).with_part(1, null_ids=1))

    assert verdict.status == "stop"
    assert outcomes(pages["index.html"])[0] == "failed: ids are not null"
    (status,) = re.findall(r"Status:</span> (.*)", pages["validations/parts.html"])
    assert status == '<i class="text-danger"></i> Failed'
    assert [line.split(" ids")[0] for line in told(pages["index.html"])[1:2]] == ["failed data/part-00001-r0.parquet:"]


def test_suite_without_a_broken_rule_says_of_what_there_is_none(sound: tuple[Verdict, Pages]) -> None:
    _, pages = sound

    assert outcomes(pages["index.html"]) == ["none broken"] * 4

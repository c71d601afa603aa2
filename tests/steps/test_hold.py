"""Whether a run asks a person, what it shows, and what it makes of the answer."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from resift.errors import RefreshHeld, VerdictError
from resift.model.verdict import Finding, Verdict
from resift.steps.hold import approve_as_answered, next_task, reasons
from resift.storage import MemoryStore

AT = datetime(2026, 11, 24, 3, 12, tzinfo=UTC)
JUDGED = AT.isoformat()
YES = {
    "chosen_options": ["Approve"],
    "params_input": {"why": "the archive closed"},
    "responded_at": AT,
    "responded_by_user": {"id": "7", "name": "night shift"},
}


def verdict(*findings: Finding, status: str = "hold") -> Verdict:
    names = {"dataset": "sample", "version": date(2026, 1, 1), "plan_id": "p", "content_digest": "c" * 64}
    return Verdict.sealed(**names, status=status, findings=findings or (jump("a.example"),), evaluated=1)


def jump(host: str) -> Finding:
    return Finding(rule="members lost by one host", status="hold", found="40%", expected="25%", about=f"host {host}")


@pytest.mark.parametrize(
    ("status", "unattended", "task"),
    [("hold", False, "approve"), ("hold", True, "publish"), ("proceed", False, "publish"), ("stop", False, "publish")],
)
def test_a_person_is_asked_where_the_verdict_holds_and_somebody_may_answer(
    status: str, unattended: bool, task: str
) -> None:
    assert next_task(status, unattended=unattended) == task


def test_reasons_name_every_finding_and_the_seal() -> None:
    held = verdict()

    shown = reasons(held)

    assert held.seal[:12] in shown
    assert "host a.example: members lost by one host: found 40%, expected 25%." in shown


def test_reasons_stay_small_and_say_how_many_there_are_more() -> None:
    shown = reasons(verdict(*[jump(f"host-{number}.{'x' * 300}.example") for number in range(50)]))

    assert len(shown.encode()) < 3_000
    named = shown.count("- host")
    assert f"and {50 - named} more: see `resift approve sample 2026-01-01`" in shown


def test_names_in_the_data_do_not_become_markup() -> None:
    shown = reasons(verdict(jump("[click](https://evil.example)<b>")))

    assert r"\[click\](https://evil.example)\<b\>" in shown


def test_answer_of_a_person_becomes_the_approval() -> None:
    approval = approve_as_answered(MemoryStore(), verdict(), YES, judged_at=JUDGED)

    assert (approval.by, approval.why, approval.at) == ("night shift", "the archive closed", AT)


@pytest.mark.parametrize(
    "answer",
    [{"chosen_options": ["Reject"]}, {"chosen_options": []}, {"responded_by_user": None}],
    ids=["rejected", "not chosen", "nobody"],
)
def test_any_other_answer_publishes_nothing(answer: dict[str, Any]) -> None:
    store = MemoryStore()

    with pytest.raises(RefreshHeld, match=r"expected Approve by a person. Clear `approve` of this run to ask again"):
        approve_as_answered(store, verdict(), YES | answer, judged_at=JUDGED)
    assert not list(store.list(""))


def test_answer_without_a_reason_is_refused() -> None:
    with pytest.raises(VerdictError, match="--why has 0 characters"):
        approve_as_answered(MemoryStore(), verdict(), YES | {"params_input": {}}, judged_at=JUDGED)


def test_answer_given_before_the_snapshot_was_judged_publishes_nothing() -> None:
    store = MemoryStore()
    later = (AT + timedelta(seconds=1)).isoformat()

    with pytest.raises(RefreshHeld, match=r"it was for another verdict\. Clear `approve` of this run"):
        approve_as_answered(store, verdict(), YES, judged_at=later)
    assert not list(store.list(""))

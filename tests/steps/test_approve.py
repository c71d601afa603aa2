"""A held snapshot is published when a person approves exactly its verdict, and by no other way round."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from builders import NOW, cycle, hand_in, make_dataset, make_pool, observation
from builders import stage as stage_refresh

from resift.client.snapshots import list_versions
from resift.errors import RefreshHeld, RefreshRefused, StagingError, VerdictError
from resift.model.approval import Approval
from resift.model.document import canonical_json
from resift.model.keys import Staging
from resift.model.manifest import Manifest
from resift.model.verdict import Finding, Verdict
from resift.steps.approve import approve, find_verdict, list_verdicts
from resift.steps.publish import publish
from resift.storage import MemoryStore

AT = datetime(2026, 11, 24, 3, 12, tzinfo=UTC)
JUMP = Finding(rule="members gone stale", status="hold", found="40%", expected="at most 30%")
PASSED = Finding(rule="ids are not null", status="pass", found="holds", expected="null_ids = 0")
BROKEN = Finding(rule="ids are unique", status="fail", found="2", expected="0")
WORD = {"by": "night shift", "why": "the archive moved", "at": AT}


def held(store: MemoryStore, **fields: Any) -> Verdict:
    """Stage a snapshot and a verdict that holds it, unless told otherwise, where the judge leaves it."""
    make_pool(store, [observation(f"p{number}", cycle(0)) for number in range(20)])
    cut = stage_refresh(store, make_dataset(), cycle(0))
    return hand_in(store, cut, **({"status": "hold", "findings": (PASSED, JUMP)} | fields))


def publish_on(store: MemoryStore, verdict: Verdict) -> Manifest:
    return publish(store, dataset=verdict.dataset, version=verdict.version, plan_id=verdict.plan_id, verdict=verdict)


def versions(store: MemoryStore) -> list[date]:
    return list_versions(store, "sample")


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def test_hold_without_approval_is_not_published_and_the_message_says_how_to_approve(store: MemoryStore) -> None:
    verdict = held(store)

    with pytest.raises(RefreshHeld, match=r"approve it: `resift approve sample 2026-01-01` says how"):
        publish_on(store, verdict)
    assert versions(store) == []


def test_approved_hold_is_published_and_the_manifest_says_who_when_and_why(store: MemoryStore) -> None:
    verdict = held(store)

    approval = approve(store, verdict, **WORD)
    manifest = publish_on(store, verdict)

    assert versions(store) == [cycle(0)]
    assert manifest.approval == approval
    assert (approval.by, approval.why, approval.at) == ("night shift", "the archive moved", AT)
    assert manifest.approval.verdict_seal == manifest.verdict_seal == verdict.seal


def test_verdict_that_proceeds_is_published_without_approval(store: MemoryStore) -> None:
    passing = Finding(rule="r", status="pass", found="1", expected="1")

    manifest = publish_on(store, held(store, status="proceed", findings=(passing,)))

    assert manifest.approval is None


def test_of_two_approvals_of_one_verdict_the_first_stands(store: MemoryStore) -> None:
    verdict = held(store)
    first = approve(store, verdict, **WORD)

    again = approve(store, verdict, **(WORD | {"by": "day shift"}))

    assert again == first
    assert publish_on(store, verdict).approval == first


@pytest.mark.parametrize("word", ["by", "why"])
def test_approval_without_name_or_reason_is_refused(store: MemoryStore, word: str) -> None:
    verdict = held(store)

    with pytest.raises(VerdictError, match=rf"--{word} has 0 characters, expected 1 to 1000"):
        approve(store, verdict, **(WORD | {word: "  "}))


@pytest.mark.parametrize(("status", "findings"), [("stop", (BROKEN,)), ("proceed", ()), ("hold", (JUMP, BROKEN))])
def test_only_a_hold_may_be_approved(store: MemoryStore, status: str, findings: tuple[Finding, ...]) -> None:
    verdict = held(store, status=status, findings=findings)

    with pytest.raises(VerdictError, match="A hold may be approved; a stop means that the data is wrong"):
        approve(store, verdict, **WORD)
    assert not list(store.list(Staging("sample", cycle(0), verdict.plan_id).prefix + "approvals/"))


def test_stop_is_refused_even_with_an_approval_beside_it(store: MemoryStore) -> None:
    verdict = held(store, status="stop", findings=(BROKEN,))
    forged = approval_of(verdict)
    store.put(Staging("sample", cycle(0), verdict.plan_id).approval(verdict.seal), forged.to_json())

    with pytest.raises(RefreshRefused, match="Nothing staged may be published"):
        publish_on(store, verdict)
    assert versions(store) == []


def approval_of(verdict: Verdict) -> Approval:
    """Forge an approval of any verdict, sealed as if it were given."""
    fields = {"dataset": verdict.dataset, "version": verdict.version, "content_digest": verdict.content_digest}
    draft = Approval(**fields, verdict_seal=verdict.seal, by="x", why="y", at=AT, seal="")
    return draft.model_copy(update={"seal": draft.expected_seal()})


def test_approval_of_another_verdict_does_not_count(store: MemoryStore) -> None:
    verdict = held(store)
    approve(store, verdict, **WORD)
    cut = stage_refresh(store, make_dataset(), cycle(0))
    other = hand_in(store, cut, status="hold", findings=(PASSED, JUMP, JUMP))

    with pytest.raises(RefreshHeld):
        publish_on(store, other)
    assert versions(store) == []


def test_approval_laid_under_the_name_of_another_verdict_is_refused(store: MemoryStore) -> None:
    verdict = held(store)
    forged = approval_of(verdict.model_copy(update={"seal": "f" * 64}))
    store.put(Staging("sample", cycle(0), verdict.plan_id).approval(verdict.seal), forged.to_json())

    with pytest.raises(VerdictError, match=r"is for the verdict ffffffffffff…, expected"):
        publish_on(store, verdict)
    assert versions(store) == []


def test_approval_edited_after_the_fact_is_refused(store: MemoryStore) -> None:
    verdict = held(store)
    edited = approve(store, verdict, **WORD).model_copy(update={"by": "somebody else"})
    store.put(Staging("sample", cycle(0), verdict.plan_id).approval(verdict.seal), edited.to_json())

    with pytest.raises(VerdictError, match=r"It was altered after somebody else gave it"):
        publish_on(store, verdict)
    assert versions(store) == []


def test_verdict_edited_from_hold_to_proceed_is_refused(store: MemoryStore) -> None:
    edited = held(store).model_copy(update={"status": "proceed"})
    store.put(Staging("sample", cycle(0), edited.plan_id).verdict, canonical_json(edited.model_dump(mode="json")))

    with pytest.raises(VerdictError, match="It was altered after judging"):
        publish_on(store, edited)
    assert versions(store) == []


def test_verdict_edited_from_hold_to_proceed_and_sealed_again_is_refused(store: MemoryStore) -> None:
    resealed = held(store, status="proceed", findings=(JUMP,))

    with pytest.raises(VerdictError, match=r"says proceed after 1 checks, its 1 findings give stop"):
        publish_on(store, resealed)
    assert versions(store) == []


@pytest.mark.parametrize("found", [{"evaluated": 0, "findings": ()}, {"findings": (JUMP,)}])
def test_hold_that_its_findings_do_not_give_is_refused_though_a_person_approved_it(
    store: MemoryStore, found: dict[str, Any]
) -> None:
    verdict = held(store, **found)
    approve(store, verdict, **WORD)

    with pytest.raises(VerdictError, match=r"says hold after \d checks, its \d findings give stop"):
        publish_on(store, verdict)
    assert versions(store) == []


def test_verdict_edited_from_stop_to_hold_cannot_be_approved(store: MemoryStore) -> None:
    edited = held(store, status="stop", findings=(BROKEN,)).model_copy(update={"status": "hold"})

    with pytest.raises(VerdictError, match="was altered after judging"):
        approve(store, edited, **WORD)


def test_verdict_is_named_by_its_seal(store: MemoryStore) -> None:
    verdict = held(store)
    named = {"dataset": "sample", "version": cycle(0)}

    assert find_verdict(store, **named, seal=verdict.seal[:12]) == verdict
    assert [one.verdict for one in list_verdicts(store, **named)] == [verdict]
    for wrong in ("f" * 12, "", verdict.seal[:11]):
        with pytest.raises(
            VerdictError, match=rf"found 0 verdicts with the seal .*, expected one of {verdict.seal[:12]}"
        ):
            find_verdict(store, **named, seal=wrong)


def test_nothing_staged_is_nothing_to_approve(store: MemoryStore) -> None:
    with pytest.raises(StagingError, match="found no verdict, expected one that holds"):
        find_verdict(store, dataset="sample", version=cycle(0), seal="f" * 12)


def held_twice(store: MemoryStore) -> tuple[Verdict, Verdict]:
    """Stage a version, let a drop come, and stage it again on another day; both are held."""
    first = held(store)
    make_pool(store, [observation("late", cycle(0))])
    again = stage_refresh(store, make_dataset(), cycle(0), known_at=NOW + timedelta(days=1))
    return first, hand_in(store, again, status="hold", findings=(PASSED, JUMP))


def test_of_two_holds_of_a_version_the_newest_comes_first_whatever_their_plans_are_called() -> None:
    stores = [MemoryStore(), MemoryStore()]
    told = []
    for store, days in zip(stores, (1, -1), strict=True):
        make_pool(store, [observation(f"p{number}", cycle(0)) for number in range(20)])
        for at in (NOW, NOW + timedelta(days=days)):
            hand_in(store, stage_refresh(store, make_dataset(), cycle(0), known_at=at), status="hold")
        told.append([one.known_at for one in list_verdicts(store, dataset="sample", version=cycle(0))])

    assert told == [[NOW + timedelta(days=1), NOW], [NOW, NOW - timedelta(days=1)]]


def test_what_else_is_staged_for_a_published_version_is_not_listed(store: MemoryStore) -> None:
    first, again = held_twice(store)
    approve(store, again, **WORD)
    publish_on(store, again)

    assert store.stat(Staging("sample", cycle(0), first.plan_id).verdict) is not None
    assert list_verdicts(store, dataset="sample", version=cycle(0)) == []
    assert find_verdict(store, dataset="sample", version=cycle(0), seal=first.seal) == first


def test_verdict_whose_plan_is_gone_is_not_listed(store: MemoryStore) -> None:
    verdict = held(store)
    store.delete(Staging("sample", cycle(0), verdict.plan_id).plan)

    assert list_verdicts(store, dataset="sample", version=cycle(0)) == []

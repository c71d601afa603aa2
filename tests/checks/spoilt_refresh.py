"""Stages a whole refresh to be spoilt, and asks audit and judge about it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from builders import cycle, instant, make_dataset, make_pool, observation, publish_unjudged, stage
from spoiling import Staged

from resift.model.keys import Staging
from resift.model.verdict import Finding, Verdict
from resift.steps.audit import audit
from resift.steps.judge import judge
from resift.storage import MemoryStore

DATASET = make_dataset(
    size=5_000, part_rows=120, nominal_width=0.5, publish_columns=["image_id", "url", "observed_at", "width"]
)


def make_staged() -> Staged:
    """Stage cycle 1 after cycle 0 was published: some 40 parts of 120 rows, a few in each group."""
    store = MemoryStore()
    for k in (0, 1):
        make_pool(store, [_image(number, k) for number in range(10_000)])
    publish_unjudged(store, DATASET, cycle(0))
    cut = stage(store, DATASET, cycle(1), max_tasks=30)
    return Staged(store, Staging("sample", cycle(1), cut.plan_id))


def _image(number: int, k: int) -> dict[str, Any]:
    gone = {"state": "deleted"} if k and number % 40 == 0 else {}
    when = instant(cycle(k), hours=-(number % 900))
    return observation(f"image-{number}", when, owner_id=f"owner-{number}", width=100 + number % 1000, **gone)


def names_of(staged: Staged) -> dict[str, Any]:
    return {"dataset": "sample", "version": cycle(1), "plan_id": staged.staging.plan_id}


def audit_parts(staged: Staged, parts: Iterable[int]) -> None:
    """Audit the groups in which these parts lie."""
    ranges = {staged.cut.ranges[place] for place in parts}
    for group, indexes in enumerate(staged.plan.groups):
        if ranges.intersection(indexes):
            audit(staged.store, **names_of(staged), group=group)


def verdict_on(staged: Staged, *, parts: Iterable[int] | None = None) -> Verdict:
    """Audit what is staged, or only the parts that changed, and judge it, as the steps do."""
    audit_parts(staged, range(len(staged.cut.parts)) if parts is None else parts)
    return judge(staged.store, **names_of(staged))


def told(verdict: Verdict, rule: str, part: str = "") -> Finding:
    """The failing finding on a rule about one part, or about the whole."""
    found = [one for one in verdict.findings if (one.status, one.rule, one.about) == ("fail", rule, part)]
    assert found, f"{rule} {part}: not among {[one.message() for one in verdict.failures()]}"
    return found[0]

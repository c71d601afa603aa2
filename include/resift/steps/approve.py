"""Approve a held snapshot: write down who let it pass and why, for exactly the verdict that was read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime

from resift.client.snapshots import find_manifest, find_tombstone
from resift.errors import KeyExists, KeyNotFound, StagingError, VerdictError
from resift.model import keys
from resift.model.approval import Approval
from resift.model.keys import Staging
from resift.model.verdict import Verdict
from resift.steps.plan import find_plan
from resift.steps.under_way import under_way
from resift.storage import Store


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict on what is staged, and the instant at which its refresh looked at rights."""

    verdict: Verdict
    known_at: datetime


def list_verdicts(store: Store, *, dataset: str, version: date) -> list[Judged]:
    """Return the verdicts on what is staged for a version, the newest ``known_at`` first.

    None where the version is published or ended: nothing else becomes it.
    """
    if find_manifest(store, dataset, version) or find_tombstone(store, dataset, version):
        return []
    return sorted(_staged(store, dataset, version), key=lambda one: one.known_at, reverse=True)


def find_verdict(store: Store, *, dataset: str, version: date, seal: str) -> Verdict:
    """Return the staged verdict whose seal begins so, published or not: who stopped on the way to it goes on.

    Raises:
        StagingError: Nothing that was judged is staged for the version.
        VerdictError: No verdict, or more than one, has such a seal.
    """
    staged = [one.verdict for one in _staged(store, dataset, version)]
    if not staged:
        raise StagingError(
            f"{store.url}/{keys.staging_of(dataset, version)}: found no verdict, expected one that holds. "
            "Correct dataset and version; what is published needs no approval."
        )
    named = [verdict for verdict in staged if len(seal) >= keys.SEAL_DIGITS and verdict.seal.startswith(seal)]
    if len(named) != 1:
        known = ", ".join(verdict.seal[: keys.SEAL_DIGITS] for verdict in staged)
        raise VerdictError(
            f"approval of {dataset} {version}: found {len(named)} verdicts with the seal {seal!r}, expected one of "
            f"{known}. Read `resift approve {dataset} {version}` and give the seal it prints."
        )
    return named[0]


def approve(store: Store, verdict: Verdict, *, by: str, why: str, at: datetime) -> Approval:
    """Write an approval beside a verdict. Of two for the same verdict the first stands, and is returned.

    Raises:
        VerdictError: The verdict does not hold or was altered, or name or reason is missing.
    """
    approval = Approval.of(verdict, by=by, why=why, at=at)
    staging = Staging(verdict.dataset, verdict.version, verdict.plan_id)
    try:
        store.create(staging.approval(verdict.seal), approval.to_json())
    except KeyExists:
        return _read(store, staging, verdict)
    return approval


def find_approval(store: Store, staging: Staging, verdict: Verdict) -> Approval | None:
    """Return the approval of a verdict that holds, or None where nobody gave one.

    Raises:
        VerdictError: It was altered, or is of another verdict.
    """
    if verdict.status != "hold" or store.stat(staging.approval(verdict.seal)) is None:
        return None
    return _read(store, staging, verdict)


def _staged(store: Store, dataset: str, version: date) -> Iterator[Judged]:
    for staging in under_way(store, dataset, version):
        plan = find_plan(store, staging)
        if plan is None:  # It goes last when staging is cleaned: what is left cannot be published.
            continue
        with suppress(KeyNotFound):
            verdict = Verdict.from_json(store.get(staging.verdict), what=f"{store.url}/{staging.verdict}")
            yield Judged(verdict, plan.known_at)


def _read(store: Store, staging: Staging, verdict: Verdict) -> Approval:
    key = staging.approval(verdict.seal)
    approval = Approval.from_json(store.get(key), what=f"{store.url}/{key}")
    approval.require(verdict)
    return approval

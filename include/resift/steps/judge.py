"""Judge a staged snapshot: read what the audit measured, decide, and seal the verdict."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from functools import partial

import pyarrow as pa

from resift.checks.breaker import merge_tallies
from resift.checks.judge import judge_metrics, verdict_on
from resift.checks.mixes import mixes_of
from resift.checks.past import MOST_VERSIONS, PastExits
from resift.checks.rows import gather
from resift.client.snapshots import find_manifest, find_previous, find_tombstone
from resift.errors import KeyNotFound, StagingError
from resift.model import keys
from resift.model.document import sha256_hex
from resift.model.keys import Staging
from resift.model.mixes import Mixes
from resift.model.refresh import CutReceipt, Plan
from resift.model.verdict import Verdict
from resift.steps.audited import read_metrics, read_samples
from resift.steps.measured import READERS, as_table, digest_of, mapped, staged
from resift.steps.pools import read_pool
from resift.storage import Store

_TALLY_BYTES = 128 << 20
"""Staged tallies merged in one go; more are dealt into shares of their keys, so that memory stays bounded."""


def judge(store: Store, *, dataset: str, version: date, plan_id: str) -> Verdict:
    """Judge what a refresh staged, and write the verdict and its pages beside it.

    A second run overwrites the first, and finds the same. The pages are written before the verdict, so a
    verdict never lies beside pages of another run.

    Raises:
        StagingError: A step before this one has not finished, or staged something else.
    """
    staging = Staging(dataset, version, plan_id)
    plan = Plan.from_json(staged(store, staging.plan, by="plan"), what=f"{store.url}/{staging.plan}")
    cut = CutReceipt.from_json(staged(store, staging.cut, by="cut"), what=f"{store.url}/{staging.cut}")
    salt = read_pool(store, plan.dataset.pool).salt
    _require_same_refresh(cut, store.url, dataset=dataset, version=version, plan_id=plan_id)
    with ThreadPoolExecutor(READERS) as readers:
        audited = list(read_metrics(store, staging, readers, plan, cut))
        metrics = [one for group in audited for one in group.metrics]
        samples = read_samples(store, staging, readers, audited)
        sample = gather(samples, seed=int(cut.content_digest[:15], 16))
        tally = _read_tallies(store, staging, readers, plan, cut)
    before = read_mixes(store, plan)
    past = read_past(store, plan)
    findings, evaluation = judge_metrics(plan, cut, metrics, sample, tally, salt=salt, previous=before, past=past)
    digest = digest_of((group.key, group.sha256) for group in audited)
    verdict = verdict_on(cut, findings, evaluated=len(evaluation.results), mixes=mixes_of(metrics), measured=digest)
    _write_pages(store, staging, evaluation.pages(verdict))
    store.put(staging.verdict, verdict.to_json())
    return verdict


def read_mixes(store: Store, plan: Plan) -> Mixes | None:
    """Return the mixes of the previous snapshot, or None if there is none, or it was judged before they were kept.

    Raises:
        StagingError: The verdict it was published with was altered.
    """
    manifest = plan.previous and find_manifest(store, plan.dataset.name, plan.previous.version)
    if not manifest:
        return None
    key = keys.snapshot(manifest.dataset, manifest.version) + keys.quality(manifest.verdict_seal, "verdict.json")
    try:
        verdict = Verdict.from_json(store.get(key), what=f"{store.url}/{key}")
    except KeyNotFound:
        return None
    if verdict.seal != manifest.verdict_seal or verdict.expected_seal() != verdict.seal:
        raise StagingError(
            f"{store.url}/{key}: its seal is {verdict.seal[:12]}…, expected {manifest.verdict_seal[:12]}…, with which "
            f"{manifest.dataset} {manifest.version} was published. Run `resift verify {manifest.version}`."
        )
    return verdict.mixes


def read_past(store: Store, plan: Plan) -> list[PastExits]:
    """Return who left when the recent versions were published, newest first; versions that ended are passed over.

    Each version names the one it was compared with, so the way back needs no listing but where a manifest is gone, and
    equal lakes give equal answers.
    """
    past, dataset = list[PastExits](), plan.dataset.name
    version = plan.previous and plan.previous.version
    while version and len(past) < MOST_VERSIONS:
        manifest = find_manifest(store, dataset, version) or find_previous(store, dataset, version)
        if manifest is None or manifest.changes is None:
            break
        changes = manifest.changes
        if find_tombstone(store, dataset, manifest.version) is None:
            past.append(PastExits(manifest.version, changes.previous_rows, changes.left))
        version = changes.previous.version if changes.previous.version < manifest.version else None
    return past


def _require_same_refresh(cut: CutReceipt, url: str, *, dataset: str, version: date, plan_id: str) -> None:
    if (cut.dataset, cut.version, cut.plan_id) != (dataset, version, plan_id):
        raise StagingError(
            f"{url}/{Staging(dataset, version, plan_id).cut}: is of {cut.dataset} {cut.version} plan {cut.plan_id}, "
            f"expected {dataset} {version} plan {plan_id}. Delete the staging prefix and run the refresh again."
        )


def _read_tallies(store: Store, staging: Staging, readers: ThreadPoolExecutor, plan: Plan, cut: CutReceipt) -> pa.Table:
    found = list(store.list(staging.tallies))
    limits = plan.dataset.limits
    least = min(limits.owner_min_members, limits.host_min_members, limits.source_min_members)
    shares = 1 + sum(one.size_bytes for one in found) // _TALLY_BYTES
    digests = dict[str, str]()

    named = [one.key for one in found]

    def read() -> Iterator[pa.Table]:
        for key, body in zip(named, mapped(readers, partial(staged, store, by="sift"), named), strict=True):
            digests[key] = sha256_hex(body)
            yield as_table(store.url, key, body, by="sift")

    merged = [merge_tallies(read(), least=least, share=share, shares=shares) for share in range(shares)]
    if (told := digest_of(digests.items())) != cut.tallies_digest:
        raise StagingError(
            f"refresh {cut.dataset} {cut.version}: exits are those the sift counted: found {len(found)} tallies with "
            f"digest {told[:12]} in {store.url}/{staging.tallies}, expected {cut.tallies_digest[:12] or 'none'}. They "
            "were altered; start the refresh again from `plan`."
        )
    return pa.concat_tables(merged)


def _write_pages(store: Store, staging: Staging, pages: Iterable[tuple[str, bytes]]) -> None:
    # The verdict goes first and comes back last: in between, nothing can be published.
    store.delete(staging.verdict)
    written = set()
    for name, body in pages:
        store.put(staging.docs + name, body)
        written.add(staging.docs + name)
    for stale in [one.key for one in store.list(staging.docs) if one.key not in written]:
        store.delete(stale)

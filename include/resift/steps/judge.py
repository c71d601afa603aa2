"""Judge a staged snapshot: read what the audit measured, decide, and seal the verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from itertools import islice
from typing import TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from resift.checks.breaker import merge_tallies
from resift.checks.judge import judge_metrics, verdict_on
from resift.checks.mixes import mixes_of
from resift.checks.past import MOST_VERSIONS, PastExits
from resift.checks.rows import SAMPLE_COLUMNS, gather
from resift.client.snapshots import find_manifest, find_previous, find_tombstone
from resift.errors import KeyNotFound, StagingError
from resift.model import keys
from resift.model.keys import Staging
from resift.model.mixes import Mixes
from resift.model.refresh import CutReceipt, PartMetrics, Plan
from resift.model.verdict import Verdict
from resift.steps.pools import read_pool
from resift.storage import Store

_READERS = 16
"""Objects read at once: one request to S3 takes 10 to 50 ms, and a thousand parts have two thousand of them."""

_TALLY_BYTES = 128 << 20
"""Staged tallies merged in one go; more are dealt into shares of their keys, so that memory stays bounded."""

One = TypeVar("One")
Other = TypeVar("Other")


def judge(store: Store, *, dataset: str, version: date, plan_id: str) -> Verdict:
    """Judge what a refresh staged, and write the verdict and its pages beside it.

    A second run overwrites the first, and finds the same. The pages are written before the verdict, so a
    verdict never lies beside pages of another run.

    Raises:
        StagingError: A step before this one has not finished, or staged something else.
    """
    staging = Staging(dataset, version, plan_id)
    plan = Plan.from_json(_staged(store, staging.plan, by="plan"), what=f"{store.url}/{staging.plan}")
    cut = CutReceipt.from_json(_staged(store, staging.cut, by="cut"), what=f"{store.url}/{staging.cut}")
    salt = read_pool(store, plan.dataset.pool).salt
    _require_same_refresh(cut, store.url, dataset=dataset, version=version, plan_id=plan_id)
    with ThreadPoolExecutor(_READERS) as readers:
        metrics = list(_mapped(readers, lambda index: _read_metrics(store, staging.metrics(index)), cut.ranges))
        samples = _mapped(readers, lambda index: _read_sample(store, staging.sample(index)), cut.ranges)
        paths = (entry.path for entry in cut.parts)
        sample = gather(zip(paths, samples, strict=False), seed=int(cut.content_digest[:15], 16))
        tally = _read_tallies(store, staging, readers, plan)
    before = read_mixes(store, plan)
    past = read_past(store, plan)
    findings, evaluation = judge_metrics(plan, cut, metrics, sample, tally, salt=salt, previous=before, past=past)
    verdict = verdict_on(cut, findings, evaluated=len(evaluation.results), mixes=mixes_of(metrics))
    _write_pages(store, staging, evaluation.pages())
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


def _staged(store: Store, key: str, *, by: str) -> bytes:
    try:
        return store.get(key)
    except KeyNotFound as error:
        raise StagingError(
            f"{store.url}/{key}: found nothing, expected what {by} stages. Run {by} of this refresh again."
        ) from error


def _read_metrics(store: Store, key: str) -> PartMetrics:
    return PartMetrics.from_json(_staged(store, key, by="audit"), what=f"{store.url}/{key}")


def _read_sample(store: Store, key: str) -> pa.Table:
    table = _read_parquet(store, key, by="audit")
    return table.select([name for name in SAMPLE_COLUMNS if name in table.column_names])


def _read_parquet(store: Store, key: str, *, by: str) -> pa.Table:
    body = _staged(store, key, by=by)
    try:
        return pq.read_table(pa.BufferReader(body))
    except (pa.ArrowInvalid, OSError) as error:
        raise StagingError(
            f"{store.url}/{key}: not readable as Parquet ({error}), expected what {by} stages. "
            f"Run {by} of this refresh again."
        ) from error


def _read_tallies(store: Store, staging: Staging, readers: ThreadPoolExecutor, plan: Plan) -> pa.Table:
    found = list(store.list(staging.prefix + "tally/"))
    limits = plan.dataset.limits
    least = min(limits.owner_min_members, limits.host_min_members, limits.source_min_members)
    shares = 1 + sum(one.size_bytes for one in found) // _TALLY_BYTES
    merged = [
        merge_tallies(
            _mapped(readers, lambda one: _read_parquet(store, one.key, by="sift"), found),
            least=least,
            share=share,
            shares=shares,
        )
        for share in range(shares)
    ]
    return pa.concat_tables(merged)


def _mapped(readers: ThreadPoolExecutor, read: Callable[[One], Other], things: Iterable[One]) -> Iterator[Other]:
    """Read ahead in many threads, in order, but never further than the threads reach: results may be large."""
    rest = iter(things)
    while batch := list(islice(rest, _READERS)):
        yield from readers.map(read, batch)


def _write_pages(store: Store, staging: Staging, pages: Iterable[tuple[str, bytes]]) -> None:
    # The verdict goes first and comes back last: in between, nothing can be published.
    store.delete(staging.verdict)
    written = set()
    for name, body in pages:
        store.put(staging.docs + name, body)
        written.add(staging.docs + name)
    for stale in [one.key for one in store.list(staging.docs) if one.key not in written]:
        store.delete(stale)

"""What a scheduled task calls: the steps of a refresh with the lake from the environment and small dicts in and out."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from resift.client.snapshots import find_manifest
from resift.core.grouping import MAPPABLE_TASKS, MOST_TASKS, TASK_BYTES
from resift.errors import ConfigError, KeyNotFound, StagingError
from resift.model.dataset import Dataset
from resift.model.grid import Grid, midnight, require_past
from resift.model.keys import Staging
from resift.model.verdict import Verdict
from resift.steps import hold, inbox
from resift.steps.audit import audit as audit_group
from resift.steps.cut import cut as cut_sample
from resift.steps.judge import judge as judge_snapshot
from resift.steps.plan import plan as plan_refresh
from resift.steps.publish import publish as publish_snapshot
from resift.steps.sift import sift as sift_group
from resift.storage import Store, open_store

_log = logging.getLogger(__name__)

Refresh = Mapping[str, str]
"""Names one refresh under way: ``dataset``, ``version`` and ``plan_id``."""


def plan(
    dataset_file: str,
    *,
    as_of: str | None,
    known_at: str | None,
    logical_date: datetime | None,
    run_after: datetime,
) -> dict[str, Any]:
    """Plan the refresh of a dataset for the cycle a scheduled run stands for.

    Args:
        dataset_file: The dataset file.
        as_of: Grid date asked for, or None for the one of the run.
        known_at: ISO instant on whose UTC day rights are judged, or None for now.
        logical_date: Logical date of the run; manual runs may have none.
        run_after: The moment the run was due or asked for.
    """
    text = Path(dataset_file).read_text(encoding="utf-8")
    dataset = Dataset.from_yaml(text, what=dataset_file)
    cycle = resolve_as_of(dataset.grid, as_of=as_of, logical_date=logical_date, run_after=run_after)
    instant = resolve_known_at(known_at)
    receipt = plan_refresh(
        lake(), dataset=dataset, as_of=cycle, known_at=instant, max_tasks=max_tasks(), task_bytes=TASK_BYTES
    )
    return receipt.model_dump(mode="json")


def sift(refresh: Refresh, *, group: int) -> dict[str, Any]:
    """Sift one group of ranges."""
    receipt = sift_group(lake(), **_names(refresh), group=group)
    _log.info("group %s: %s", group, receipt.pool_bytes.told())
    return receipt.model_dump(mode="json")


def cut(refresh: Refresh) -> dict[str, Any]:
    """Cut the sample to size; its receipt stays in staging, which has room for it."""
    receipt = cut_sample(lake(), **_names(refresh))
    return {"rows": receipt.rows, "parts": len(receipt.parts), "content_digest": receipt.content_digest}


def audit(refresh: Refresh, *, group: int) -> dict[str, Any]:
    """Audit the parts of one group; a group without parts has none to audit."""
    return audit_group(lake(), **_names(refresh), group=group).model_dump(mode="json")


def judge(refresh: Refresh) -> dict[str, Any]:
    """Judge the staged snapshot; the verdict itself stays in staging, under its seal."""
    verdict = judge_snapshot(lake(), **_names(refresh))
    receipt = {
        "status": verdict.status,
        "seal": verdict.seal,
        "content_digest": verdict.content_digest,
        "judged_at": datetime.now(UTC).isoformat(),
    }
    return {**receipt, "reasons": hold.reasons(verdict)} if verdict.status == "hold" else receipt


def gate(judgement: Mapping[str, str], *, unattended: bool) -> str:
    """Return the task to go on with: to ask a person, or to publish."""
    return hold.next_task(judgement["status"], unattended=unattended)


def publish(
    refresh: Refresh, *, judgement: Mapping[str, str], response: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Publish the staged snapshot on the verdict the judge handed on, and on a person's answer where it holds.

    Publishing removes what was staged, verdict included. So where no verdict lies, a snapshot with the content that was
    judged means that an earlier try published it and was lost before it could say so.

    Raises:
        StagingError: Another verdict lies in staging, or none and the content is not published.
        RefreshRefused: The verdict does not let it pass, or a person did not.
    """
    store, names = lake(), _names(refresh)
    key = Staging(**names).verdict
    manifest = find_manifest(store, names["dataset"], names["version"]) if store.stat(key) is None else None
    if manifest is None or manifest.content_digest != judgement["content_digest"]:
        verdict = _read_verdict(store, key, seal=judgement["seal"])
        if response is not None:
            hold.approve_as_answered(store, verdict, response, judged_at=judgement["judged_at"])
        manifest = publish_snapshot(store, **names, verdict=verdict)
    return {
        "version": manifest.version.isoformat(),
        "revision": manifest.revision,
        "content_digest": manifest.content_digest,
        "rows": manifest.rows,
    }


def list_files(*, source: str | None, drop: str | None, observed_at: str | None) -> dict[str, Any]:
    """List the files to ingest; the list itself lies in the lake, which has room for it."""
    instant = _instant(observed_at, parameter="observed_at") if observed_at else None
    return inbox.list_files(lake(), source=source, drop=drop, observed_at=instant)


def ingest_files(work: Mapping[str, str], *, group: int) -> dict[str, Any]:
    """Ingest one group of files."""
    return inbox.ingest_files(lake(), work_id=work["work_id"], group=group)


def commit_drops(work: Mapping[str, str] | None) -> dict[str, Any]:
    """Commit the drops whose files were all ingested.

    Raises:
        StagingError: The drops could not be listed, so there is no work.
        DropRejected: Some of them could not be committed.
    """
    if work is None:
        raise StagingError("ingest: no list of drops, expected the one of list_files. See why that task failed.")
    return inbox.commit_drops(lake(), work_id=work["work_id"])


def _read_verdict(store: Store, key: str, *, seal: str) -> Verdict:
    try:
        verdict = Verdict.from_json(store.get(key), what=f"{store.url}/{key}")
    except KeyNotFound as error:
        raise StagingError(
            f"{store.url}/{key}: not found, expected the verdict of the judge. Clear the run from `plan` on."
        ) from error
    if verdict.seal != seal:
        raise StagingError(
            f"{store.url}/{key}: its seal is {verdict.seal[:12]}…, expected {seal[:12]}… as the judge handed it on. "
            "The snapshot was judged again since; clear `judge` and everything downstream of it in this run."
        )
    return verdict


def resolve_as_of(grid: Grid, *, as_of: str | None, logical_date: datetime | None, run_after: datetime) -> date:
    """Choose the grid date a run stands for.

    In this order: the date asked for; the run's logical date, where it is a day (midnight UTC); the latest grid point
    at or before a logical date with a time of day, which is what the trigger form of Airflow's UI fills in; the latest
    grid point at or before ``run_after``.

    Raises:
        GridError: The date asked for, or the day of the logical date, lies between two grid points.
        ConfigError: A run for one grid date was asked to stand for another, or the date is not a date.
    """
    named = logical_date.astimezone(UTC).date() if logical_date and _is_day(logical_date) else None
    if as_of is not None:
        asked = _day(as_of)
        if named not in (None, asked):
            raise ConfigError(
                f"as_of {asked}: the run's logical date is {named}, expected the same date or none. "
                "Leave as_of empty in scheduled runs and backfills; trigger a run without logical date to name one."
            )
        named = asked
    if named is None:
        return grid.floor(logical_date or run_after)
    return grid.point(grid.cycle(named))


def resolve_known_at(text: str | None) -> datetime:
    """Read the instant at which rights are judged, or take the wall clock.

    Raises:
        ConfigError: It is no instant, has no time zone, or is not yet.
    """
    now = datetime.now(UTC)
    if text is None:
        return now
    instant = _instant(text, parameter="known_at")
    require_past(instant, now=now)
    return instant


def lake() -> Store:
    """Open the lake named by the environment.

    Raises:
        ConfigError: ``RESIFT_LAKE`` is not set.
    """
    url = os.environ.get("RESIFT_LAKE", "")
    if not url:
        raise ConfigError(
            "RESIFT_LAKE: not set, expected the URL of the lake, such as file:///srv/lake or s3://bucket/prefix. "
            "Set it in the environment of the workers."
        )
    return open_store(url)


def max_tasks() -> int:
    """Return the most tasks a step may be mapped over, which the environment may say.

    Raises:
        ConfigError: ``RESIFT_MAX_TASKS`` is no number of tasks that Airflow maps.
    """
    text = os.environ.get("RESIFT_MAX_TASKS", str(MOST_TASKS))
    if not text.isdecimal() or not 1 <= int(text) <= MAPPABLE_TASKS:
        raise ConfigError(
            f"RESIFT_MAX_TASKS: found {text!r}, expected a whole number from 1 to {MAPPABLE_TASKS:,}, what Airflow "
            "maps at most. Correct it in the environment of the workers."
        )
    return int(text)


def _names(refresh: Refresh) -> dict[str, Any]:
    return {
        "dataset": refresh["dataset"],
        "version": date.fromisoformat(refresh["version"]),
        "plan_id": refresh["plan_id"],
    }


def _is_day(instant: datetime) -> bool:
    return instant == midnight(instant.astimezone(UTC).date())


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(
            f"as_of: found {text!r}, expected a date such as 2025-01-06. Correct the parameter."
        ) from error


def _instant(text: str, *, parameter: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise ConfigError(
            f"{parameter}: found {text!r}, expected an instant with its time zone, such as 2025-01-06T00:00:00Z. "
            "Correct the parameter."
        )
    return instant.astimezone(UTC)

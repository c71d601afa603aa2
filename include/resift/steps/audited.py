"""Read what the audit staged, group by group: the measurements of exactly the parts of the cut, and the rows picked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import chain, repeat, zip_longest

import pyarrow as pa

from resift.checks.rows import SAMPLE_COLUMNS
from resift.errors import StagingError
from resift.model.document import sha256_hex
from resift.model.keys import Staging
from resift.model.refresh import CutReceipt, PartMetrics, Plan
from resift.steps.measured import as_table, mapped, parts_by_group, staged
from resift.storage import Store


@dataclass(frozen=True, slots=True)
class Audited:
    """The measurements of the parts of one group, and the digest of the very bytes they were read from."""

    group: int
    key: str
    sha256: str
    metrics: list[PartMetrics]


def read_metrics(
    store: Store, staging: Staging, readers: ThreadPoolExecutor, plan: Plan, cut: CutReceipt
) -> Iterator[Audited]:
    """Yield what was measured, group by group, and so in the order of the parts.

    Raises:
        StagingError: A part has no measurement, one that was altered, or one of another cut.
    """
    due = {group: [cut.parts[place].path for place in places] for group, places in parts_by_group(plan, cut).items()}

    def read(group: int) -> bytes:
        ends = " to ".join(dict.fromkeys((due[group][0], due[group][-1])))
        return staged(store, staging.metrics(group), by="audit", of=f" of {ends}")

    for (group, paths), body in zip(due.items(), mapped(readers, read, due), strict=True):
        key = staging.metrics(group)
        yield Audited(group, key, sha256_hex(body), _measured(paths, body, where=f"{store.url}/{key}"))


def read_samples(
    store: Store, staging: Staging, readers: ThreadPoolExecutor, audited: Sequence[Audited]
) -> Iterator[tuple[str, pa.Table]]:
    """Yield where the rows picked from each group lie, and those rows.

    Raises:
        StagingError: They are not those that the measurements name.
    """
    keys = [staging.sample(one.group) for one in audited]
    for one, key, body in zip(audited, keys, mapped(readers, partial(staged, store, by="audit"), keys), strict=True):
        _require_picked(one.metrics, sha256_hex(body), where=f"{store.url}/{key}")
        yield f"{store.url}/{key}", as_table(store.url, key, body, by="audit", columns=SAMPLE_COLUMNS)


def _measured(paths: Sequence[str], body: bytes, *, where: str) -> list[PartMetrics]:
    lines = zip(chain(paths, repeat("the end")), body.splitlines(), strict=False)
    metrics = [PartMetrics.from_json(line, what=f"{where}, at {path}") for path, line in lines]
    for due, found in zip_longest(paths, (one.path for one in metrics)):
        if due != found:
            raise StagingError(
                f"{due or found}: parts measured are those of the cut: found {found or 'no measurement'} in "
                f"{where}, expected {due or 'no more'}. It was altered, or is of another cut; run audit of this "
                "refresh again."
            )
    return metrics


def _require_picked(metrics: Sequence[PartMetrics], sha256: str, *, where: str) -> None:
    for one in metrics:
        if one.sample_sha256 != sha256:
            raise StagingError(
                f"{one.path}: sampled rows are those the audit picked: found sha256 {sha256} at {where}, "
                f"expected {one.sample_sha256 or 'none'}. They were altered; run audit of this refresh again."
            )

"""The same refresh with the lake on S3 servers of this machine: time, requests, bytes read against bytes needed."""

from __future__ import annotations

import os
from collections import Counter
from contextlib import ExitStack
from threading import Lock
from typing import Any

import pyarrow.parquet as pq

from bench.child import Absent
from bench.pool import DATASET
from bench.tasks import VERSION, Work, time_refresh
from resift.client.snapshots import read_manifest
from resift.core.circle import intervals
from resift.model.dataset import Dataset
from resift.model.observation import EVIDENCE, IDENTITY, PRN
from resift.steps.parquet import column_chunks
from resift.steps.pools import read_state
from resift.storage import Store, open_store


def refresh_far(*, server: str, lake: str, name: str, size: int, width: float, workers: int) -> Work:
    """Copy a pool to an S3 server of that name, then refresh there. The processor time of the server is not counted."""
    from tests.s3_servers import available, running

    if server not in available():
        raise Absent(f"{server} is not built; `make tools` builds it")
    near, stack = open_store(lake), ExitStack()
    started = stack.enter_context(running(server))
    os.environ |= started.environment
    far = open_store(f"s3://{started.new_bucket()}/lake")
    for prefix in ("pool/", "suppressions/"):
        for stat in near.list(prefix):
            far.put(stat.key, near.get(stat.key))
    dataset = Dataset.from_yaml(DATASET.format(name=name, pool="photos", size=size, width=width), what=name)
    counts = Requests(far)

    def work() -> dict[str, Any]:
        with stack:
            answer = {**time_refresh(far, dataset, VERSION, workers), **counts.told()}
            return {**answer, "bytes_needed": bytes_needed(far, name)}

    return work


class Requests:
    """Counts what is asked of an S3 endpoint, and the bytes it answers."""

    def __init__(self, store: Any) -> None:
        """Count from now on."""
        self._adding, self._store = Lock(), store
        self.made = Counter[str]()
        self.bytes_read = 0
        self.pool_bytes_read = 0
        store._client.meta.events.register("after-call.s3", self._add)

    def told(self) -> dict[str, int]:
        """Return the sums up to now."""
        with self._adding:
            return {
                "requests": self.made.total(),
                "bytes_read": self.bytes_read,
                "pool_bytes_read": self.pool_bytes_read,
            }

    def _add(self, *, model: Any, parsed: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        with self._adding:
            self.made[model.name] += 1
            if model.name == "GetObject":
                self.bytes_read += parsed.get("ContentLength", 0)
                if "/runs/" in context.get("input_params", {}).get("Key", ""):
                    self.pool_bytes_read += parsed.get("ContentLength", 0)


def bytes_needed(store: Store, name: str) -> int:
    """Return the bytes of the column chunks that a refresh cannot do without.

    Those of the row groups that hold the sample, of all columns that decide, are judged or are published: no reader
    of these runs can do with less, for the end of the sample is not known before.
    """
    manifest = read_manifest(store, name, str(VERSION))
    columns = {PRN, *IDENTITY.names, "url", *EVIDENCE.names, "source", *manifest.config.publish_columns}
    spans = list(intervals(0, manifest.draw.width, start=manifest.draw.start))
    total = 0
    for run in read_state(store, manifest.pool).runs:
        ends = [*run.row_group_first[1:], run.prn_max + 1]
        groups = [
            group
            for group, (first, end) in enumerate(zip(run.row_group_first, ends, strict=True))
            if any(first < hi and lo < end for lo, hi in spans)
        ]
        with store.open(run.key) as body:
            metadata = pq.ParquetFile(body).metadata
        total += sum(end - start for start, end in column_chunks(metadata, groups, columns))
    return total


TASKS = {"far": refresh_far}

"""Audit the staged parts of one group: read them back and measure them, independently of the code that wrote them."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import date
from functools import cache, lru_cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from resift.checks.rows import PART, SAMPLE_COLUMNS
from resift.core.measure import Expected, measure
from resift.core.scan import Scan, scan_rows
from resift.core.staged_views import ROW, SPELLED_OUT, create_evidence_view, create_part_view
from resift.errors import KeyNotFound, StagingError
from resift.model.document import sha256_hex
from resift.model.grid import midnight
from resift.model.keys import Staging
from resift.model.observation import PRN
from resift.model.refresh import AuditReceipt, CutReceipt, PartMetrics, Plan, StagedFile
from resift.model.suppression import Suppression
from resift.policy import load_policy
from resift.policy.policy import COUNTRY_FIELDS
from resift.policy.recheck import Recheck, prepare
from resift.steps.cut import read_cut
from resift.steps.measured import parts_by_group
from resift.steps.plan import range_at, read_plan
from resift.steps.pools import read_pool, read_suppressions
from resift.storage import Store

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SAMPLE_ROWS = 10_000
"""Rows the judge looks at, over all parts."""

_WHOLE = 1 << 40
"""More bytes than an object has: how many one has is measured, not believed."""


def audit(store: Store, *, dataset: str, version: date, plan_id: str, group: int) -> AuditReceipt:
    """Measure the parts of one group, and pick rows from them for the judge: one object of each.

    Raises:
        StagingError: A staged file is gone, is not the one its step wrote, or cannot be read at all.
    """
    staging = Staging(dataset, version, plan_id)
    plan, cut = read_plan(store, staging), read_cut(store, staging)
    numbers = parts_by_group(plan, cut).get(group, [])
    if numbers:
        # Unnamed files of this task alone: what is measured cannot change between the hash and the measurement.
        with tempfile.TemporaryDirectory(prefix="resift-audit-") as folder, closing(_engine().cursor()) as db:
            auditor = _Auditor(store, plan, cut, Path(folder), db)
            metrics, samples = zip(*map(auditor.audit, numbers), strict=True)
        sample = _as_parquet(pa.concat_tables(samples))
        store.put(staging.sample(group), sample)
        store.put(staging.metrics(group), _as_lines(metrics, sample_sha256=sha256_hex(sample)))
    return AuditReceipt(
        plan_id=plan_id, group=group, parts=len(numbers), rows=sum(cut.parts[number].rows for number in numbers)
    )


class _Auditor:
    """Audits parts of one refresh, with what is needed for it read once."""

    def __init__(self, store: Store, plan: Plan, cut: CutReceipt, folder: Path, db: DuckDBPyConnection) -> None:
        self._store, self._plan, self._cut, self._folder = store, plan, cut, folder
        self._exclusion = _prepared(plan.dataset.policy, (plan.version, plan.known_at.date()))
        self._country_fields = tuple(name for name in self._exclusion.policy.sufficient if name in COUNTRY_FIELDS)
        self._suppressions = read_suppressions(store, plan.dataset.pool)[0]
        self._salt = read_pool(store, plan.dataset.pool).salt
        self._db = db
        self._used = [folder / kind for kind in ("part", "evidence")]
        for file in self._used:
            file.touch()

    def audit(self, number: int) -> tuple[PartMetrics, pa.Table]:
        """Measure one part, and return the metrics, not yet sealed, and the rows picked from it."""
        import duckdb

        entry, staged = self._cut.parts[number], self._cut.staged_parts[number]
        claimed = staged.model_copy(update={"sha256": entry.sha256, "size_bytes": entry.size_bytes})
        files = self._files_for(number)
        sha256, size = self._fetch(claimed, files[0], what=f"{entry.path}: bytes are those of the cut")
        evidence = self._cut.staged_evidence[number]
        self._fetch(evidence, files[1], what=f"{entry.path}: evidence is what the sift staged")
        a_range = range_at(self._plan, self._cut.ranges[number], role="draw")
        try:
            schema = self._show(files)
            scan = scan_rows(self._db, salt=self._salt, dated="observed_at" in schema.names)
            metrics = PartMetrics(
                path=entry.path,
                sha256=sha256,
                size_bytes=size,
                **measure(self._db, schema, scan, self._expected(a_range.lo, a_range.hi)),
            )
            return metrics, self._pick(number, scan)
        except (pa.ArrowInvalid, OSError, duckdb.Error) as error:
            raise StagingError(
                f"{entry.path}: file is readable: found {str(error).splitlines()[0]}, expected Parquet as sift and cut "
                "write it. Start the refresh again from `plan`."
            ) from error

    def _files_for(self, number: int) -> list[Path]:
        """Return the files of this task under names no other part has, to be written over: new ones cost more."""
        files = [self._folder / f"{kind}-{number}" for kind in ("part", "evidence")]
        for file, used in zip(files, self._used, strict=True):
            used.rename(file)
        self._used = files
        return files

    def _fetch(self, file: StagedFile, path: Path, *, what: str) -> tuple[str, int]:
        """Write a staged object to a file of our own, and return the digest and the size of the very bytes written."""
        digest, size = hashlib.sha256(), 0
        try:
            with path.open("r+b") as copy:
                for block in self._store.stream(file.key, start=0, length=_WHOLE):
                    digest.update(block)
                    size += copy.write(block)
                copy.truncate()
        except KeyNotFound as error:
            raise StagingError(
                f"{what}: found nothing at {self._store.url}/{file.key}, expected {file.rows} rows with sha256 "
                f"{file.sha256}. Start the refresh again from `plan`."
            ) from error
        sha256 = digest.hexdigest()
        if sha256 != file.sha256:
            raise StagingError(
                f"{what}: found sha256 {sha256} and {size} bytes at {self._store.url}/{file.key}, expected "
                f"{file.sha256} and {file.size_bytes}. It was altered after it was staged; start the refresh again "
                "from `plan`."
            )
        return sha256, size

    def _show(self, files: Sequence[Path]) -> pa.Schema:
        """Make the views of a part and its evidence, and return the schema of the part."""
        schema, evidence = (pq.read_schema(path) for path in files)
        sources = [f"read_parquet('{path}', file_row_number = true)" for path in files]
        self._db.execute(create_part_view(sources[0], schema.names))
        self._db.execute(create_evidence_view(sources[1], evidence.names))
        return schema

    def _expected(self, lo: int, hi: int) -> Expected:
        return Expected(
            as_of=midnight(self._plan.version),
            max_age=self._plan.dataset.max_age,
            start=self._plan.start,
            lo=lo,
            hi=hi,
            salt=self._salt,
            exclusion=self._exclusion,
            country_fields=self._country_fields,
            suppressed_images=_numbers_of("image", self._suppressions),
            suppressed_owners=_numbers_of("owner", self._suppressions),
        )

    def _pick(self, number: int, scan: Scan) -> pa.Table:
        """Pick every k-th row of the whole snapshot: in the order of PRNs that is a random sample."""
        stride = -(-self._cut.rows // SAMPLE_ROWS)
        before = sum(part.rows for part in self._cut.parts[:number])
        places = range(-before % stride, min(scan.rows, scan.evidence_rows), stride)
        # Joined and not filtered: the engine then passes over row groups that hold none, and computes less in others.
        wanted = f"(SELECT unnest(range({places.start}, {places.stop}, {places.step})) AS {ROW})"
        said = self._db.sql(
            f"SELECT {', '.join(_SAID)} FROM {SPELLED_OUT} SEMI JOIN {wanted} USING ({ROW}) ORDER BY {ROW}"
        ).to_arrow_table()
        rows = scan.pick(places)
        picked = pa.table([*rows.columns, *said.columns], [*rows.column_names, *said.column_names])
        return picked.append_column(PART, pa.repeat(self._cut.parts[number].path, len(picked)))


_SAID = [name for name in SAMPLE_COLUMNS if name not in (PRN, "image_id", "observed_at", PART)]


_FIRST = Lock()
"""Held while what a process needs once is made: groups audited side by side would each make their own."""


def _prepared(policy: str, days: tuple[date, ...]) -> Recheck:
    """Return all spellings of places; listing them takes as long as auditing 200,000 rows."""
    with _FIRST:
        return _prepare(policy, days)


@lru_cache(maxsize=4)
def _prepare(policy: str, days: tuple[date, ...]) -> Recheck:
    return prepare(load_policy(policy), days=days)


@cache
def _engine() -> DuckDBPyConnection:
    """Return this process's database, in memory: opening one takes as long as counting the words of a part.

    One thread, since tasks are what is mapped, and nothing from the network. What does not fit in memory is an error:
    one part does. Footers are read once for all queries, so no two parts may be shown under one path.
    """
    import duckdb

    db = duckdb.connect(
        config={
            "threads": 1,
            "temp_directory": "",
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
    )
    db.execute("SET GLOBAL parquet_metadata_cache = true")
    return db


def _numbers_of(kind: str, suppressions: list[Suppression]) -> np.ndarray:
    return np.array([entry.number for entry in suppressions if entry.kind == kind], dtype=np.int64)


def _as_lines(metrics: Iterable[PartMetrics], *, sample_sha256: str) -> bytes:
    named = (one.model_copy(update={"sample_sha256": sample_sha256}) for one in metrics)
    return b"".join(one.sealed().to_json() + b"\n" for one in named)


def _as_parquet(rows: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(rows, sink, compression="zstd")
    return sink.getvalue().to_pybytes()

"""Judges one staged snapshot: measurements and sampled rows by Great Expectations, exits by the breaker."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow as pa

from resift.checks.breaker import find_jumps
from resift.checks.drift import drift_frame
from resift.checks.findings import drift_findings, findings_of
from resift.checks.frames import parts_frame, snapshot_frame
from resift.checks.loading import load_judge
from resift.checks.outage import find_outages, quiet_since
from resift.checks.past import PastExits
from resift.checks.rows import rows_due, sample_frame
from resift.errors import StagingError
from resift.model.keys import SEAL_DIGITS
from resift.model.mixes import Mixes
from resift.model.refresh import CutReceipt, PartMetrics, Plan
from resift.model.verdict import Finding, Status, Verdict

_SHOWN_FAILURES = 20
"""Failing rows of the sample kept on the pages: their part and flag, never an id."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What Great Expectations said, suite by suite; the last is the drift's."""

    validations: tuple[Any, ...]
    drift: Mapping[str, Any]
    """The measures of drift, by column."""

    void: str
    """Why a measure of drift could not be taken."""

    @property
    def results(self) -> list[dict[str, Any]]:
        """A plain result per expectation."""
        return [result for validation in self.validations for result in validation.results()]

    def findings(self) -> list[Finding]:
        """What was found, in the order of the suites; of drift, one finding per measure."""
        *certain, drift = self.validations
        findings = [finding for one in certain for result in one.results() for finding in findings_of(result)]
        return findings + drift_findings(drift.results(), self.drift, void=self.void)

    def pages(self, verdict: Verdict) -> Iterator[tuple[str, bytes]]:
        """Yield name and content of each file of the Data Docs, with the verdict at the top."""
        from resift.checks.docs import data_docs

        told = f"{verdict.dataset} {verdict.version}: {verdict.status}, seal {verdict.seal[:SEAL_DIGITS]}"
        return data_docs(self.validations, verdict.findings, title=told)


def judge_metrics(
    plan: Plan,
    cut: CutReceipt,
    metrics: Sequence[PartMetrics],
    sample: pa.Table,
    tally: pa.Table,
    *,
    salt: str,
    previous: Mixes | None = None,
    past: Sequence[PastExits] = (),
) -> tuple[list[Finding], Evaluation]:
    """Return every finding on a staged snapshot, and what Great Expectations said.

    Args:
        plan: What the refresh depends on; its dataset holds the limits.
        cut: What the snapshot consists of.
        metrics: What the audit measured, in any order; missing, foreign and repeated parts are findings.
        sample: Rows as ``rows.gather`` returns them.
        tally: Exits by owner and host as ``breaker.merge_tallies`` returns them.
        salt: The pool's, to compute the PRNs of sampled ids again.
        previous: Mixes of the previous snapshot; None where it has none, or there is no previous snapshot.
        past: Exits of recent versions, newest first.

    Raises:
        StagingError: Plan and cut belong to different refreshes.
    """
    if (plan.dataset.name, plan.version) != (cut.dataset, cut.version):
        raise StagingError(
            f"cut of {cut.dataset} {cut.version}: found beside the plan of {plan.dataset.name} {plan.version}, "
            "expected both of one refresh. Run the refresh again."
        )
    limits, first, since = plan.dataset.limits, plan.previous is None, quiet_since(plan)
    _, _, outages = find_outages(tally, limits, members=cut.previous_members, since=since)
    evaluation = _evaluate(plan, cut, metrics, sample, salt=salt, previous=previous, outages=outages)
    jumps = find_jumps(cut, tally, limits, first=first, past=past, quiet_since=since)
    return evaluation.findings() + jumps, evaluation


def verdict_on(
    cut: CutReceipt, findings: Sequence[Finding], *, evaluated: int, mixes: Mixes | None = None, measured: str = ""
) -> Verdict:
    """Seal the findings for exactly the content of this cut: any failure stops, any jump holds.

    Args:
        cut: What was judged.
        findings: What was found.
        evaluated: Checks of Great Expectations that were run.
        mixes: What the next version is compared with.
        measured: Digest of the measurements the findings rest on.
    """
    return Verdict.sealed(
        dataset=cut.dataset,
        version=cut.version,
        plan_id=cut.plan_id,
        content_digest=cut.content_digest,
        cut_digest=cut.document_digest(),
        measured_digest=measured,
        status=status_of(findings, evaluated=evaluated),
        findings=tuple(findings),
        evaluated=evaluated,
        mixes=mixes,
    )


def status_of(findings: Sequence[Finding], *, evaluated: int) -> Status:
    """Return stop if anything failed or nothing was evaluated, hold if the breaker or drift says so, else proceed."""
    found = {finding.status for finding in findings}
    if "fail" in found or not evaluated or "pass" not in found:
        return "stop"
    return "hold" if "hold" in found else "proceed"


def _evaluate(
    plan: Plan,
    cut: CutReceipt,
    metrics: Sequence[PartMetrics],
    sample: pa.Table,
    *,
    salt: str,
    previous: Mixes | None,
    outages: int,
) -> Evaluation:
    # Great Expectations takes seconds to import, and only judging needs it.
    load_judge()
    from resift.checks import suites
    from resift.checks.drift_suite import drift_suite
    from resift.checks.gx import new_context, validate

    drift = drift_frame(plan, cut, metrics, previous, outages=outages)
    rows = sum(one.rows for one in metrics)
    named = {"unexpected_index_column_names": ["part"], "return_unexpected_index_query": False}
    every = {"result_format": "COMPLETE", **named}
    some = {"result_format": "SUMMARY", "partial_unexpected_count": _SHOWN_FAILURES, **named}
    total = every | {"unexpected_index_column_names": ["snapshot"]}
    subjects: list[tuple[Any, pd.DataFrame, dict[str, Any]]] = [
        (suites.parts_suite(plan, parts=len(metrics)), parts_frame(plan, cut, metrics, sample), every),
        (
            suites.snapshot_suite(plan.dataset, rows=rows, sampled=len(sample), first=plan.previous is None),
            snapshot_frame(plan, cut, metrics, sample),
            total,
        ),
        (
            suites.sample_suite(plan.dataset, due=sum(rows_due(cut.parts).values())),
            sample_frame(sample, plan=plan, cut=cut, salt=salt),
            some,
        ),
        (drift_suite(plan.dataset, rows=rows, before=cut.previous_members, previous=previous), drift, total),
    ]
    context = new_context()
    said = tuple(
        validate(context, suite, frame, at=plan.known_at, result_format=kept) for suite, frame, kept in subjects
    )
    void = "no previous snapshot" if plan.previous is None else "the previous version does not tell"
    return Evaluation(said, drift.iloc[0].to_dict(), void)

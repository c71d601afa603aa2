"""How answers look: for people as tables, for programs as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.table import Table

from resift.model.columns import CIRCLE
from resift.model.manifest import Manifest
from resift.model.reasons import (
    ENTERED,
    ENTERED_CAUSES,
    FRAME_REASONS,
    LEFT,
    LEFT_CAUSES,
    NOT_DRAWN,
    UNRECORDED,
    place,
    spell,
)
from resift.model.verdict import Finding, Verdict

if TYPE_CHECKING:  # what answers without reading rows need not load Arrow
    import pyarrow as pa

    from resift.client.diff import Difference
    from resift.client.verify import Verification

_PIPE_WIDTH = 120

_FUNNEL = (*FRAME_REASONS, NOT_DRAWN)
_COUNTED = "observations in the ranges used"
"""What the funnel is about: all up to the end of the last range used, so more than the interval covered."""


def console() -> Console:
    """Return the console for answers: stdout, plain and wide enough where it is not a terminal."""
    return Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH, highlight=False, soft_wrap=True)


def print_json(content: Any) -> None:
    """Print one JSON document."""
    typer.echo(json.dumps(content, indent=2, ensure_ascii=False))


def render_snapshots(manifests: Sequence[Manifest], latest: Mapping[str, date | None], *, as_json: bool) -> None:
    """Print a line for each version."""
    if as_json:
        print_json(
            [
                {
                    "dataset": m.dataset,
                    "version": str(m.version),
                    "revision": m.revision,
                    "rows": m.rows,
                    "content_digest": m.content_digest,
                    "latest": latest[m.dataset] == m.version,
                    "retained_until": str(m.retained_until),
                }
                for m in manifests
            ]
        )
        return
    table = _table("dataset", "version", "rows", "eligible", "probability", "entered", "left", "digest")
    for m in manifests:
        changes = m.changes
        table.add_row(
            m.dataset,
            f"{m.version}.{m.revision}{'  latest' if latest[m.dataset] == m.version else ''}",
            f"{m.rows:,}",
            f"{m.draw.eligible_estimate:,.0f}",
            f"{m.draw.inclusion_probability:.4f}",
            f"{sum(changes.entered.values()):,}" if changes else "-",
            f"{sum(changes.left.values()):,}" if changes else "-",
            m.content_digest[:12],
        )
    console().print(table)


def render_manifest(manifest: Manifest, *, as_json: bool) -> None:
    """Print one version."""
    if as_json:
        print_json(manifest.model_dump(mode="json"))
        return
    m, out = manifest, console()
    size = sum(part.size_bytes for part in m.parts)
    parts = "1 part" if len(m.parts) == 1 else f"{len(m.parts)} parts"
    out.print(f"[bold]{m.dataset} {m.version}.{m.revision}[/bold]  {m.rows:,} items in {parts}, {size:,} bytes")
    out.print(f"content digest  {m.content_digest}")
    out.print(f"published       {m.published_at:%Y-%m-%d %H:%M} UTC, kept until {m.retained_until}")
    out.print(f"known at        {m.known_at:%Y-%m-%d %H:%M} UTC, policy {m.policy.policy} {m.policy.version}")
    if m.approval:
        out.print(
            f"held, approved  {m.approval.at:%Y-%m-%d %H:%M} UTC by {m.approval.by}: {m.approval.why}", markup=False
        )
    start, width = m.draw.start / CIRCLE, m.draw.width / CIRCLE
    out.print(f"drawn           from PRN {start:.6f} of the circle over {width:.6f} of it")
    about = "exactly" if m.draw.exhausted else "about"
    out.print(
        f"eligible        {about} {m.draw.eligible_estimate:,.0f} items of the pool, "
        f"each drawn with probability {m.draw.inclusion_probability:.4f}"
    )
    out.print(f"columns         {', '.join(column.name for column in m.columns)}")
    out.print()
    _render_funnel(manifest, out)
    if m.changes:
        entered, left = sum(m.changes.entered.values()), sum(m.changes.left.values())
        share = m.changes.turnover
        out.print(f"\nagainst {m.changes.previous.version}: {entered:,} entered, {left:,} left, turnover {share:.3f}")
        out.print(_causes(m.changes.entered, m.changes.left))


def render_warnings(verdict: Verdict, *, as_json: bool) -> None:
    """Print what the judge found worth a look, each with value and limit; beside JSON on stderr."""
    if warnings := verdict.warnings():
        count = "1 finding is" if len(warnings) == 1 else f"{len(warnings)} findings are"
        typer.echo(f"\n{count} worth a look, and held nothing up:", err=as_json)
        for finding in warnings:
            typer.echo(f"  {finding.message()}", err=as_json)


def _render_funnel(manifest: Manifest, out: Console) -> None:
    funnel = manifest.funnel
    table = _table(_COUNTED, "count")
    table.add_row("read", f"{funnel.observations:,}")
    table.add_row("superseded by another of the same item", f"-{funnel.superseded:,}")
    for reason, count in sorted(funnel.removed.items(), key=lambda one: place(one[0], _FUNNEL)):
        table.add_row(_spell(reason), f"-{count:,}")
    table.add_row("in the snapshot", f"{funnel.kept:,}")
    out.print(table)


def _spell(reason: str) -> str:
    return f"{reason}: no record of it between the versions" if reason == UNRECORDED else spell(reason)


def render_difference(total: Difference, changes: Iterable[pa.Table], *, items: bool, as_json: bool) -> None:
    """Print what entered and left; with ``items``, every item as it is found."""
    listed: list[dict[str, Any]] = []
    for table in changes:
        if items and as_json:
            listed += table.to_pylist()
        elif items:
            for row in table.to_pylist():
                typer.echo(f"{row['change']}\t{row['cause']}\t{row['image_id']}")
    summary = {
        "older": str(total.older),
        "newer": str(total.newer),
        "stayed": total.stayed,
        "entered": dict(total.entered),
        "left": dict(total.left),
        "erased": {"older": total.erased_from_older, "newer": total.erased_from_newer},
    }
    if as_json:
        print_json({**summary, "items": listed} if items else summary)
        return
    out = console()
    out.print(
        f"from {total.older} to {total.newer}: {total.stayed:,} stayed, {total.entered.total():,} entered, "
        f"{total.left.total():,} left"
    )
    out.print(_causes(total.entered, total.left))
    if total.erased_from_older or total.erased_from_newer:
        out.print(
            f"erased since, and in no list: {total.erased_from_older:,} of {total.older}, "
            f"{total.erased_from_newer:,} of {total.newer}"
        )


def render_verification(
    manifest: Manifest, verification: Verification, findings: Sequence[Finding] | None, *, as_json: bool
) -> None:
    """Print what was verified, or what is wrong; with findings, what the suite of published versions says."""
    if as_json:
        judged = {} if findings is None else {"findings": [one.model_dump(mode="json") for one in findings]}
        print_json(
            {
                "dataset": manifest.dataset,
                "version": str(manifest.version),
                "revision": manifest.revision,
                "files": verification.files,
                "rows": verification.rows,
                "bytes": verification.size_bytes,
                "problems": list(verification.problems),
                **judged,
            }
        )
        return
    for problem in verification.problems:
        typer.echo(problem)
    count = len(verification.problems)
    verdict = f"{count} problem{'s' * (count > 1)}" if verification.problems else "all as its manifest says"
    typer.echo(
        f"{manifest.dataset} {manifest.version}.{manifest.revision}: {verification.files} files, "
        f"{verification.rows:,} rows, {verification.size_bytes:,} bytes: {verdict}"
    )
    if findings is not None:
        broken = [finding for finding in findings if finding.status != "pass"]
        for finding in broken:
            typer.echo(finding.message())
        rules = {finding.rule for finding in findings}
        held = len(rules - {finding.rule for finding in broken})
        typer.echo(f"{manifest.dataset} {manifest.version}.{manifest.revision}: {held} of {len(rules)} rules hold")


def _causes(entered: Mapping[str, int], left: Mapping[str, int]) -> Table:
    table = _table("change", "cause", "items")
    for change, counts, order in ((ENTERED, entered, ENTERED_CAUSES), (LEFT, left, LEFT_CAUSES)):
        for cause, count in sorted(counts.items(), key=lambda one: place(one[0], order)):
            table.add_row(change, _spell(cause), f"{count:,}")
    return table


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    words = {"dataset", "version", "change", "cause", "digest", _COUNTED}
    for column in columns:
        table.add_column(column, justify="left" if column in words else "right", no_wrap=True)
    return table

"""``resift snapshots``, ``show``, ``diff``, ``verify``: look at what is published."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from resift.cli.exits import NO
from resift.cli.options import AsJson, DatasetName, Lake, PublicKey, choose_dataset, open_lake

if TYPE_CHECKING:
    from resift.client.verify import Verification
    from resift.model.manifest import Manifest
    from resift.model.verdict import Finding
    from resift.storage import Store

Version = Annotated[
    str,
    typer.Argument(help="A version such as 2026-09-28, an exact 2026-09-28.0, latest, or digits of a digest."),
]


def snapshots(lake: Lake, dataset: DatasetName = None, as_json: AsJson = False) -> None:
    """List the published versions, of one dataset or of all."""
    from resift.cli.render import render_snapshots
    from resift.client.snapshots import find_latest, list_datasets, list_versions, read_manifest

    store = open_lake(lake)
    names = [dataset] if dataset else list_datasets(store)
    manifests = [read_manifest(store, name, version) for name in names for version in list_versions(store, name)]
    latest = {name: find_latest(store, name) for name in {m.dataset for m in manifests}}
    if not manifests:
        typer.echo(f"resift: nothing is published in {store.url}.", err=True)
    render_snapshots(manifests, latest, as_json=as_json)


def show(
    version: Version,
    lake: Lake,
    dataset: DatasetName = None,
    evidence: Annotated[
        bool, typer.Option("--evidence", help="Show how often fields of evidence disagree, and what the buffer costs.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show one version: how it was drawn, what was left out and why, and what changed."""
    from resift.cli.render import render_manifest
    from resift.cli.render_evidence import render_evidence
    from resift.client.resolve import resolve

    store = open_lake(lake)
    manifest = resolve(store, choose_dataset(store, dataset), version)
    if evidence:
        render_evidence(manifest, as_json=as_json)
    else:
        render_manifest(manifest, as_json=as_json)


def diff(
    older: Version,
    newer: Version,
    lake: Lake,
    dataset: DatasetName = None,
    items: Annotated[bool, typer.Option("--items", help="List every item that entered or left, and why.")] = False,
    as_json: AsJson = False,
) -> None:
    """Tell what entered and left between two versions, and why."""
    from resift.cli.render import render_difference
    from resift.client.diff import diff as compare
    from resift.client.resolve import resolve

    store = open_lake(lake)
    name = choose_dataset(store, dataset)
    first, second = sorted((resolve(store, name, v) for v in (older, newer)), key=lambda m: m.version)
    total, changes = compare(store, first, second)
    render_difference(total, changes, items=items, as_json=as_json)


def verify(
    version: Version,
    lake: Lake,
    dataset: DatasetName = None,
    judge: Annotated[
        bool, typer.Option("--judge", help="Also hold the suite of published versions against it, verdict included.")
    ] = False,
    pages: Annotated[
        Path | None, typer.Option("--pages", help="Judge too, and write its pages to this directory.")
    ] = None,
    key: PublicKey = None,
    as_json: AsJson = False,
) -> None:
    """Compute every digest, count and order of a version again. Exit code 1 if something differs."""
    from resift.cli.render import render_verification
    from resift.client.resolve import resolve
    from resift.client.signature import read_public_key, require_signed
    from resift.client.verify import verify as check

    store = open_lake(lake)
    manifest = resolve(store, choose_dataset(store, dataset), version)
    if key is not None:
        require_signed(store, manifest, read_public_key(key))
    verification = check(store, manifest)
    findings = _judge(store, manifest, verification, pages=pages) if judge or pages is not None else None
    render_verification(manifest, verification, findings, as_json=as_json)
    if verification.problems or any(finding.status != "pass" for finding in findings or ()):
        raise typer.Exit(NO)


def _judge(store: Store, manifest: Manifest, verification: Verification, *, pages: Path | None) -> list[Finding]:
    from resift.steps.judge_published import judge_published

    judgement = judge_published(store, manifest, verification)
    if pages is not None:
        for name, body in judgement.pages():
            (pages / name).parent.mkdir(parents=True, exist_ok=True)
            (pages / name).write_bytes(body)
    return judgement.findings

"""``resift approve``: let a snapshot pass that the breaker holds."""

from __future__ import annotations

from datetime import UTC, date, datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated

import typer

from resift.cli.exits import NO
from resift.cli.options import AsJson, Lake, open_lake
from resift.errors import ConfigError

if TYPE_CHECKING:
    from resift.steps.approve import Judged
    from resift.storage import Store


def approve(
    dataset: Annotated[str, typer.Argument(help="The dataset, by name.")],
    version: Annotated[str, typer.Argument(help="The version that is held, such as 2026-09-28.")],
    lake: Lake,
    seal: Annotated[str | None, typer.Option(help="The seal of the verdict you read; without it, show it.")] = None,
    by: Annotated[str | None, typer.Option(help="Who approves. It is published.")] = None,
    why: Annotated[str | None, typer.Option(help="Why the jump is real. It is published.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show why a snapshot is held; with --seal, --by and --why, approve it and publish it."""
    from resift.cli.render import render_manifest, render_warnings
    from resift.steps.approve import approve as write
    from resift.steps.approve import find_verdict, list_verdicts
    from resift.steps.publish import publish

    store, day = open_lake(lake), _parse(version)
    if seal is None:
        judged = list_verdicts(store, dataset=dataset, version=day)
        _show(judged, f"{dataset} {version}", as_json=as_json)
        if not judged:
            typer.echo(f"resift: {_nothing(store, dataset, day)}", err=True)
        raise typer.Exit(0 if judged else NO)
    if by is None or why is None:
        raise ConfigError("approve: found --seal without --by or --why, expected all three. Say who approves and why.")
    if find_spec("jinja2") is None:
        raise ConfigError(
            "approve: Jinja is not installed, expected it: no snapshot is published without its page. "
            "In a clone of resift: pip install -c requirements.txt '.[airflow]'."
        )
    verdict = find_verdict(store, dataset=dataset, version=day, seal=seal)
    approval = write(store, verdict, by=by, why=why, at=datetime.now(UTC))
    if (approval.by, approval.why) != (by.strip(), why.strip()):
        typer.echo(
            f"resift: an earlier approval stands, of {approval.at:%Y-%m-%d %H:%M} UTC by {approval.by}: "
            f"{approval.why}. Yours is not kept.",
            err=True,
        )
    manifest = publish(store, dataset=dataset, version=day, plan_id=verdict.plan_id, verdict=verdict)
    render_manifest(manifest, as_json=as_json)
    render_warnings(verdict, as_json=as_json)


def _show(judged: list[Judged], what: str, *, as_json: bool) -> None:
    from resift.cli.render import print_json
    from resift.model.keys import SEAL_DIGITS

    if as_json:
        print_json([one.verdict.model_dump(mode="json") for one in judged])
        return
    for one in judged:
        verdict, seal = one.verdict, one.verdict.seal[:SEAL_DIGITS]
        typer.echo(
            f"{what}: {verdict.status}, seal {seal}, content {verdict.content_digest[:12]}, "
            f"known at {one.known_at:%Y-%m-%d %H:%M} UTC"
        )
        for finding in verdict.failures():
            typer.echo(f"  {finding.message()}")
        for finding in verdict.warnings():
            typer.echo(f"  worth a look: {finding.message()}")
        if verdict.status == "hold":
            typer.echo(f"If this is real: resift approve {what} --seal {seal} --by YOU --why REASON")


def _nothing(store: Store, dataset: str, version: date) -> str:
    from resift.client.snapshots import find_manifest, find_tombstone

    if find_manifest(store, dataset, version) or find_tombstone(store, dataset, version):
        return f"{dataset} {version} was published and never changes: nothing is to be approved, whatever is staged."
    return f"nothing is staged for {dataset} {version} that was judged and not published."


def _parse(version: str) -> date:
    try:
        return date.fromisoformat(version)
    except ValueError as error:
        raise ConfigError(
            f"version {version}: not a date, expected one such as 2026-09-28. Correct the argument."
        ) from error

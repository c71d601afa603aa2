"""``resift refresh``: one cycle from plan to publish."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated

import typer

from resift.cli.options import AsJson, Lake, open_lake, read_dataset
from resift.errors import ConfigError
from resift.model.grid import require_past

if TYPE_CHECKING:
    from resift.model.grid import Grid


def refresh(
    dataset: Annotated[str, typer.Argument(help="A dataset: its name, or the path of its file.")],
    lake: Lake,
    as_of: Annotated[
        str | None, typer.Option("--as-of", help="The cycle: a grid date such as 2026-09-28. The latest if not given.")
    ] = None,
    known_at: Annotated[
        str | None,
        typer.Option("--known-at", help="Instant whose UTC day rights are judged by, in ISO form; now if not given."),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Groups of ranges worked on at a time.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Refresh one cycle of a dataset and publish it, if the judge lets it pass."""
    if find_spec("great_expectations") is None:
        raise ConfigError(
            "refresh: Great Expectations is not installed, expected it: no snapshot is published unjudged. "
            "In a clone of resift: pip install -c requirements.txt '.[airflow]'."
        )
    from resift.cli.render import render_manifest, render_warnings
    from resift.client.snapshots import read_verdict
    from resift.steps.refresh import refresh as run

    config = read_dataset(dataset)
    known = _parse_instant(known_at) if known_at else datetime.now(UTC)
    cycle = parse_date(as_of) if as_of else _latest(config.grid, known)
    store = open_lake(lake)
    refreshed = run(store, dataset=config, as_of=cycle, known_at=known, workers=workers, tell=_progress(cycle))
    render_manifest(refreshed.manifest, as_json=as_json)
    render_warnings(read_verdict(store, refreshed.manifest), as_json=as_json)
    typer.echo(f"\nsift {refreshed.pool_bytes.told()}.", err=as_json)


def _progress(cycle: date) -> Callable[[str], None]:
    """Return what shows a person at a terminal which step is under way."""
    shown = sys.stderr.isatty()

    def show(step: str) -> None:
        if shown:
            typer.echo(f"{cycle}: {step} …", err=True)

    return show


def _latest(grid: Grid, instant: datetime) -> date:
    return grid.floor(instant)


def parse_date(text: str) -> date:
    """Read a date such as 2026-09-28.

    Raises:
        ConfigError: It is none.
    """
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(f"as_of {text}: not a date, expected one such as 2026-09-28. Correct --as-of.") from error


def _parse_instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(
            f"known_at {text}: not an instant, expected one such as 2026-11-23T00:00:00Z. Correct --known-at."
        ) from error
    if instant.tzinfo is None:
        raise ConfigError(f"known_at {text}: has no time zone, expected one. Write {text}Z for UTC.")
    require_past(instant, now=datetime.now(UTC))
    return instant

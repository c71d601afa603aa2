"""``resift ingest``: drops into a pool."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from resift.cli.options import AsJson, Lake, open_lake
from resift.errors import ConfigError

if TYPE_CHECKING:
    from resift.model.pool import Drop
    from resift.model.source import Source


def ingest(
    drops: Annotated[
        list[str], typer.Argument(metavar="DROP…", help="Drops: files or folders, as paths, file:// or s3:// URLs.")
    ],
    source: Annotated[str, typer.Option("--source", help="The source file that says how the drops are read.")],
    lake: Lake,
    observed_at: Annotated[
        str | None,
        typer.Option("--observed-at", help="Instant of all rows, in ISO form, where the source does not tell it."),
    ] = None,
    judge: Annotated[
        bool, typer.Option("--judge", help="Hold each new drop against the suite of drops before it is in the pool.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Ingest drops into the pool of their source. A drop that is in it already changes nothing."""
    from resift.steps.ingest import ingest_each

    instant = None if observed_at is None else _parse_instant(observed_at)
    answers = []
    for drop, is_new in ingest_each(_read_source(source), drops, open_lake(lake), observed_at=instant, judge=judge):
        answers.append(_answer(drop, is_new))
        if not as_json:
            _print_line(drop, is_new)
    if as_json:
        typer.echo(json.dumps(answers, indent=2))


def _read_source(path: str) -> Source:
    from resift.model.source import Source

    try:
        text = Path(path).read_text(encoding="utf-8")
    except (FileNotFoundError, IsADirectoryError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"source {path}: found no file of text ({type(error).__name__}), expected a source file in YAML. "
            "Correct --source."
        ) from error
    return Source.from_yaml(text, what=path)


def _parse_instant(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(
            f"observed_at {text}: not an instant, expected one such as 2026-11-23T00:00:00Z. Correct --observed-at."
        ) from error


def _answer(drop: Drop, is_new: bool) -> dict[str, object]:
    return {
        "drop_id": drop.drop_id,
        "pool": drop.pool,
        "source": drop.source,
        "new": is_new,
        "files": len(drop.files),
        "rows_read": drop.rows_read,
        "observations": drop.observations,
        "quarantined": drop.quarantined,
        "quarantined_by_reason": _reasons(drop),
        "quarantine": [file.quarantine_key for file in drop.files if file.quarantine_key is not None],
    }


def _print_line(drop: Drop, is_new: bool) -> None:
    files = f"{len(drop.files):,} file{'s' * (len(drop.files) != 1)}"
    counts = f"{drop.rows_read:,} rows = {drop.observations:,} observations + {drop.quarantined:,} in quarantine"
    typer.echo(
        f"pool {drop.pool}: drop {drop.drop_id} of {files}: {counts}{'' if is_new else ' (was in the pool already)'}"
    )
    for reason, count in _reasons(drop).items():
        typer.echo(f"  quarantine: {count:,} × {reason}", err=True)


def _reasons(drop: Drop) -> dict[str, int]:
    """Return quarantined rows of all files by reason, the most frequent first."""
    reasons: dict[str, int] = {}
    for file in drop.files:
        for reason, count in file.quarantined_by_reason.items():
            reasons[reason] = reasons.get(reason, 0) + count
    return dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0])))

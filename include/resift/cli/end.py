"""``resift withdraw``, ``resift retire``: end a version, and leave a tombstone that says why."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from resift.cli.options import AsJson, DatasetName, Lake, choose_dataset, open_lake

if TYPE_CHECKING:
    from resift.steps.end import Act

Version = Annotated[str, typer.Argument(help="A version such as 2026-09-28.")]
Why = Annotated[str, typer.Option(help="The reason, for the tombstone. Public.")]
Follows = Annotated[str | None, typer.Option(help="The version to use instead.")]
Digest = Annotated[
    str | None, typer.Option(help="Digest of what was shown, to carry it out. Without it nothing is changed.")
]


def withdraw(
    version: Version,
    why: Why,
    lake: Lake,
    follows: Follows = None,
    digest: Digest = None,
    dataset: DatasetName = None,
    as_json: AsJson = False,
) -> None:
    """Tell every reader not to use a version any more. Its files stay until it is retired."""
    _end("withdraw", version, why, lake, follows, digest, dataset, as_json=as_json)


def retire(
    version: Version,
    why: Why,
    lake: Lake,
    follows: Follows = None,
    digest: Digest = None,
    dataset: DatasetName = None,
    as_json: AsJson = False,
) -> None:
    """Delete the files of a version whose time is over, or that was withdrawn. Its tombstone stays."""
    _end("retire", version, why, lake, follows, digest, dataset, as_json=as_json)


def _end(
    act: Act,
    version: str,
    why: str,
    lake: str,
    follows: str | None,
    digest: str | None,
    dataset: str | None,
    *,
    as_json: bool,
) -> None:
    from resift.cli.render import print_json
    from resift.steps.end import end, plan_ending, read_version

    store = open_lake(lake)
    name, day, after, now = (
        choose_dataset(store, dataset),
        read_version(version),
        read_version(follows) if follows else None,
        datetime.now(UTC),
    )
    if digest is None:
        plan = plan_ending(store, dataset=name, version=day, act=act, why=why, follows=after, now=now)
        found = plan.document_digest()
        if as_json:
            print_json({"dry_run": True, "digest": found, **plan.model_dump(mode="json")})
            return
        typer.echo(f"{act} {name} {day}.{plan.revision}: {plan.files:,} files of {plan.size_bytes:,} bytes would go")
        typer.echo(f"nothing was changed; to carry it out add --digest {found}")
        return
    tombstone = end(store, dataset=name, version=day, act=act, why=why, follows=after, plan_digest=digest, now=now)
    if as_json:
        print_json({"dry_run": False, **tombstone.model_dump(mode="json")})
        return
    typer.echo(f"{name} {day}.{tombstone.revision}: {tombstone.describe()}")

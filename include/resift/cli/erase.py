"""``resift erase``: take a person's items out of every published version."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from resift.cli.options import AsJson, Lake, open_lake
from resift.errors import ConfigError


def erase(
    pool: Annotated[str, typer.Argument(help="The pool the items or owners belong to.")],
    lake: Lake,
    image_id: Annotated[list[str] | None, typer.Option("--image-id", help="An image; may be given again.")] = None,
    owner_id: Annotated[list[str] | None, typer.Option("--owner-id", help="All images of an owner.")] = None,
    images: Annotated[str | None, typer.Option("--images", help="A file of images, one id a line.")] = None,
    owners: Annotated[str | None, typer.Option("--owners", help="A file of owners, one id a line.")] = None,
    request: Annotated[str, typer.Option(help="Reference of the request. No personal data.")] = "",
    digest: Annotated[
        str | None, typer.Option("--digest", help="Digest of the plan to carry out. Without it nothing is changed.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Suppress items for good, and take them out of every published version. Shows its plan without --digest."""
    from resift.cli.render import print_json
    from resift.steps.erase import erase as carry_out
    from resift.steps.erase import plan_erasure, wanted

    store, now = open_lake(lake), datetime.now(UTC)
    entries = wanted(
        store,
        pool=pool,
        images=[*(image_id or []), *_lines(images)],
        owners=[*(owner_id or []), *_lines(owners)],
        request=request,
        requested_at=now,
    )
    if digest is None:
        plan = plan_erasure(store, pool=pool, entries=entries)
        found = plan.document_digest()
        if as_json:
            print_json({"dry_run": True, "digest": found, **plan.model_dump(mode="json")})
            return
        for one in plan.versions:
            typer.echo(
                f"{one.dataset} {one.version}.{one.revision}: {_many(one.rows, 'row')} in {_many(one.parts, 'part')}, "
                f"{_many(one.changes_rows, 'line')} of changes in {_many(one.changes_files, 'file')}"
            )
        held = _many(len(plan.versions), "version")
        typer.echo(f"pool {pool}: {_many(len(plan.suppressions), 'suppression')}, to take out of {held}")
        typer.echo(f"nothing was changed; to carry it out add --digest {found}")
        return
    receipt = carry_out(store, pool=pool, entries=entries, plan_digest=digest, now=now)
    if as_json:
        print_json({"dry_run": False, **receipt.model_dump(mode="json")})
        return
    for version in receipt.versions:
        typer.echo(f"{version.dataset} {version.version}.{version.revision}: {version.rows:,} rows, none of the items")
    versions, staged = _many(len(receipt.versions), "version"), _many(receipt.staged, "refresh", "es")
    typer.echo(f"pool {pool}: erased from all of {versions}; {staged} under way removed")


def _many(count: int, thing: str, plural: str = "s") -> str:
    return f"{count:,} {thing}{plural * (count != 1)}"


def _lines(file: str | None) -> list[str]:
    if file is None:
        return []
    path = Path(file)
    if not path.is_file():
        raise ConfigError(f"erase: there is no file {file}, expected one with an id on each line. Correct the path.")
    return [line for line in path.read_text(encoding="utf-8").splitlines() if line]

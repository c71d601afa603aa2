"""``resift suppress``: never again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from resift.cli.options import AsJson, Lake, open_lake
from resift.errors import ConfigError


def suppress(
    pool: Annotated[str, typer.Argument(help="The pool the item or owner belongs to.")],
    request: Annotated[str, typer.Option(help="Reference of the request, such as a ticket number. No personal data.")],
    lake: Lake,
    image_id: Annotated[str | None, typer.Option("--image-id", help="Suppress one image.")] = None,
    owner_id: Annotated[str | None, typer.Option("--owner-id", help="Suppress all images of an owner.")] = None,
    as_json: AsJson = False,
) -> None:
    """Keep an image, or all images of an owner, out of every snapshot from the next refresh on."""
    from resift.cli.render import print_json
    from resift.steps.suppress import count_observations
    from resift.steps.suppress import suppress as write

    if (image_id is None) == (owner_id is None):
        found = "neither" if image_id is None else "both"
        raise ConfigError(f"suppress: found {found} of --image-id and --owner-id, expected one. Give one of them.")
    if not (image_id or owner_id or "").strip() or not request.strip():
        raise ConfigError("suppress: found an empty id or request, expected both. Check the variables you filled in.")
    store = open_lake(lake)
    entry = write(
        store,
        pool=pool,
        kind="owner" if image_id is None else "image",
        identifier=image_id if image_id is not None else str(owner_id),
        request=request,
        requested_at=datetime.now(UTC),
    )
    if image_id is not None and not count_observations(store, pool, image_id):
        # It stands all the same: the image may be delivered later. The id is not told: messages stay in logs.
        typer.echo(f"resift: pool {pool} holds no image of the id given. Check it, letter by letter.", err=True)
    if as_json:
        print_json(entry.model_dump(mode="json", exclude={"number"}))
        return
    since = f"{entry.requested_at:%Y-%m-%d %H:%M} UTC"
    typer.echo(f"suppressed one {entry.kind} of pool {entry.pool} for request {entry.request}, since {since}")

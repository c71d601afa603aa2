"""``resift history``: in which versions an item is, and why it left."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from resift.cli.exits import NO
from resift.cli.options import AsJson, DatasetName, Lake, choose_dataset, open_lake


def history(
    image_id: Annotated[str, typer.Argument(help="The image, exactly as its source names it.")],
    lake: Lake,
    dataset: DatasetName = None,
    pool: Annotated[
        str | None, typer.Option(help="The pool, for those with rights on it: reads one row group, not all ids.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Tell in which versions an image is, and why it entered or left. Exit code 1 if it is in none."""
    from resift.cli.render import print_json
    from resift.client.history import history as trace

    store = open_lake(lake)
    name = choose_dataset(store, dataset)
    prn = None
    if pool is not None:
        from resift.steps.suppress import number_of

        prn = number_of(store, pool, image_id)
    sightings = list(trace(store, name, image_id, prn=prn))
    if as_json:
        print_json([asdict(one) | {"version": str(one.version)} for one in sightings])
    else:
        for one in sightings:
            change = f", {one.change}: {one.cause}" if one.change else ""
            typer.echo(f"{name} {one.version}.{one.revision}: {'in it' if one.held else 'not in it'}{change}")
    if not any(one.held for one in sightings):
        raise typer.Exit(NO)

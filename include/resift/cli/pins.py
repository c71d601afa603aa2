"""``resift pin``, ``check``, ``update``: keep a version by name and content, learn what became of it, move on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from resift.cli.exits import DONE, NO, RETIRED, REVISED, WITHDRAWN
from resift.cli.options import AsJson, DatasetName, Lake, PinnedLake, PublicKey, choose_dataset, open_lake
from resift.cli.read import Version
from resift.errors import ConfigError

if TYPE_CHECKING:
    from resift.model.pin import Pin

Lock = Annotated[Path, typer.Option("--lock", help="The file that holds the pin.")]
_LOCK = Path("resift.lock")


def pin(
    version: Version,
    lake: Lake,
    dataset: DatasetName = None,
    lock: Lock = _LOCK,
    key: PublicKey = None,
    as_json: AsJson = False,
) -> None:
    """Write down exactly which version is used: its revision and content digest, in resift.lock."""
    from resift.client.pins import pin_of, read_pin, write_pin
    from resift.client.resolve import resolve
    from resift.client.signature import read_public_key

    store = open_lake(lake)
    signer = read_public_key(key) if key is not None else None
    made = pin_of(store, resolve(store, choose_dataset(store, dataset), version), signed_by=signer)
    if lock.exists() and (held := read_pin(lock)) != made:
        raise ConfigError(
            f"lock {lock}: pins {held.dataset} {held.version}.{held.revision} already, expected no other pin. Move it "
            "with `resift update VERSION`, or write another file with --lock."
        )
    write_pin(lock, made)
    _tell(made, f"{_spell(made)} pinned in {lock}", as_json=as_json)


def check(lock: Lock = _LOCK, lake: PinnedLake = None, key: PublicKey = None, as_json: AsJson = False) -> None:
    """Tell whether a pin is current. Exit code 4 if it was revised, 5 withdrawn, 6 retired, 1 altered."""
    from resift.cli.render import print_json
    from resift.client import pins
    from resift.client.signature import read_public_key

    held = pins.read_pin(lock)
    if key is not None:
        held = held.model_copy(update={"signed_by": read_public_key(key)})
    standing = pins.check(open_lake(lake or held.lake), held)
    if as_json:
        print_json(
            {**held.model_dump(mode="json"), "state": standing.state, "erased": standing.erased, "told": standing.told}
        )
    else:
        typer.echo(standing.told)
    codes = {
        pins.CURRENT: DONE,
        pins.REVISED: REVISED,
        pins.WITHDRAWN: WITHDRAWN,
        pins.RETIRED: RETIRED,
        pins.ALTERED: NO,
    }
    raise typer.Exit(codes[standing.state])


def update(
    version: Annotated[
        str | None,
        typer.Argument(help="A version, as for show. The newest revision of the pinned one if not given."),
    ] = None,
    lock: Lock = _LOCK,
    lake: PinnedLake = None,
    as_json: AsJson = False,
) -> None:
    """Move a pin to the newest revision of its version, or to another version."""
    from resift.client.pins import move, read_pin, write_pin

    held = read_pin(lock)
    moved = move(open_lake(lake or held.lake), held, version)
    write_pin(lock, moved)
    told = f"{_spell(moved)} pinned in {lock}" + (", as before" if moved == held else f", before {_spell(held)}")
    _tell(moved, told, as_json=as_json)


def _spell(pin: Pin) -> str:
    return f"{pin.dataset} {pin.version}.{pin.revision} ({pin.content_digest[:12]}…, {pin.rows:,} rows)"


def _tell(pin: Pin, told: str, *, as_json: bool) -> None:
    if as_json:
        from resift.cli.render import print_json

        print_json(pin.model_dump(mode="json"))
    else:
        typer.echo(told)

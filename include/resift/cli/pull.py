"""``resift pull``: copy a version to a directory, every file verified."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from resift.cli.options import AsJson, DatasetName, PinnedLake, PublicKey, choose_dataset, open_lake, require_lake
from resift.errors import ConfigError

if TYPE_CHECKING:
    from resift.model.manifest import Manifest
    from resift.storage import Store


def pull(
    version: Annotated[
        str | None, typer.Argument(help="A version, as for show. None where a lock names it.", show_default=False)
    ] = None,
    dest: Annotated[
        Path | None, typer.Argument(help="The directory: empty, missing, or an older copy.", show_default=False)
    ] = None,
    lock: Annotated[Path | None, typer.Option("--lock", help="Pull exactly what this file pins.")] = None,
    lake: PinnedLake = None,
    dataset: DatasetName = None,
    rows: Annotated[int | None, typer.Option("--rows", help="Only so many rows: a random sample of that size.")] = None,
    columns: Annotated[str | None, typer.Option("--columns", help="Only these columns, separated by commas.")] = None,
    repair: Annotated[bool, typer.Option("--repair", help="Fetch again what was altered in a whole copy.")] = False,
    key: PublicKey = None,
    as_json: AsJson = False,
) -> None:
    """Copy a version to a directory and verify every file. Run again, it goes on where it was stopped."""
    from resift.cli.render_copy import render_pulled
    from resift.client.pull import pull as copy
    from resift.client.signature import read_public_key, require_signed

    if lock is not None and dest is None:
        version, dest = None, Path(version) if version else None
    if dest is None or (version is None) == (lock is None):
        raise ConfigError(
            "pull: found neither or both of VERSION and --lock, or no DEST, expected `resift pull VERSION DEST` or "
            "`resift pull --lock resift.lock DEST`. Name one version and one directory."
        )
    store, manifest = _find(version, lock, lake, dataset)
    if key is not None:
        require_signed(store, manifest, read_public_key(key))
    names = [name.strip() for name in columns.split(",")] if columns is not None else None
    with _progress() as told:
        pulled = copy(store, manifest, dest, rows=rows, columns=names, repair=repair, told=told)
    render_pulled(manifest, pulled, dest, as_json=as_json)


def _find(version: str | None, lock: Path | None, lake: str | None, dataset: str | None) -> tuple[Store, Manifest]:
    from resift.client.pins import read_pin, require_pinned
    from resift.client.resolve import resolve

    if lock is not None:
        pin = read_pin(lock)
        store = open_lake(lake or pin.lake)
        return store, require_pinned(store, pin)
    store = open_lake(require_lake(lake))
    return store, resolve(store, choose_dataset(store, dataset), str(version))


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """Show a bar on stderr, and only where that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("pull", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)

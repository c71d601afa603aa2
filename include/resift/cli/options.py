"""Options that several commands share, and what their values mean."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from resift.errors import ConfigError

if TYPE_CHECKING:
    from resift.model.dataset import Dataset
    from resift.storage import Store

Lake = Annotated[
    str, typer.Option("--lake", envvar="RESIFT_LAKE", help="Where the lake lies: file:///… or s3://bucket/prefix.")
]
PinnedLake = Annotated[
    str | None,
    typer.Option("--lake", envvar="RESIFT_LAKE", help="Where the lake lies; what the lock says if not given."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]
PublicKey = Annotated[
    str | None,
    typer.Option("--key", help="The Ed25519 key that must have signed the manifest: a PEM file or 64 hex digits."),
]
DatasetName = Annotated[
    str | None,
    typer.Option("--dataset", envvar="RESIFT_DATASET", help="The dataset; not needed where only one is published."),
]


def open_lake(lake: str) -> Store:
    """Open the lake a command was given."""
    from resift.storage import open_store

    return open_store(lake)


def require_lake(lake: str | None) -> str:
    """Return the lake a command was given where no lock names one.

    Raises:
        ConfigError: None was given.
    """
    if not lake:
        raise ConfigError("lake: found none, expected a URL. Give --lake, or set RESIFT_LAKE.")
    return lake


def choose_dataset(store: Store, name: str | None) -> str:
    """Return the dataset asked for, or the only one that is published.

    Raises:
        ConfigError: None was asked for, and there is not exactly one.
    """
    if name is not None:
        return name
    from resift.client.snapshots import list_datasets

    names = list_datasets(store)
    if len(names) == 1:
        return names[0]
    if not names and next(store.folders(""), None) is None:
        raise ConfigError(
            f"lake {store.url}: found nothing there, expected a lake. Correct --lake or RESIFT_LAKE, or refresh a "
            "dataset into it first."
        )
    raise ConfigError(
        f"dataset: none was named, and {store.url} publishes {', '.join(names) or 'none'}; expected exactly one. "
        + ("Name it with --dataset." if names else "Refresh one first.")
    )


def read_dataset(name: str) -> Dataset:
    """Read a dataset file, given its path or the name of a file in ``RESIFT_DATASETS`` or ``include/datasets``.

    Raises:
        ConfigError: There is no such file, or it breaks a rule.
    """
    from resift.model.dataset import Dataset

    folder = Path(os.environ.get("RESIFT_DATASETS", "include/datasets"))
    path = Path(name) if name.endswith((".yaml", ".yml")) else folder / f"{name}.yaml"
    if not path.is_file():
        known = sorted(file.stem for file in folder.glob("*.yaml")) if folder.is_dir() else []
        raise ConfigError(
            f"dataset {name}: there is no file {path}; known in {folder} are {', '.join(known) or 'none'}. "
            "Give the path of a dataset file, or set RESIFT_DATASETS to their folder."
        )
    return Dataset.from_yaml(path.read_text(encoding="utf-8"), what=str(path))


def read_datasets() -> list[Dataset]:
    """Read every dataset file of ``RESIFT_DATASETS`` or ``include/datasets``.

    Raises:
        ConfigError: There is no such folder, or one of the files breaks a rule: nobody could tell what it asks for.
    """
    from resift.steps.schedule import read_dataset_files

    return read_dataset_files(Path(os.environ.get("RESIFT_DATASETS", "include/datasets")))

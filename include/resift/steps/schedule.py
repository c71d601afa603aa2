"""Read what a scheduler must know of each dataset file, and nothing that takes long to import."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from resift.errors import ConfigError, GridError
from resift.model.grid import Grid

if TYPE_CHECKING:
    from resift.model.dataset import Dataset


@dataclass(frozen=True, slots=True)
class Schedule:
    """When one dataset is refreshed. The rest of its file is checked by the plan step."""

    dataset: str
    file: Path
    grid: Grid


@dataclass(frozen=True, slots=True)
class Schedules:
    """The schedules of a folder of dataset files, and why some of them have none."""

    readable: tuple[Schedule, ...]
    broken: tuple[str, ...]
    """One message for each file that cannot be scheduled."""


def dataset_folder(dag_file: str) -> Path:
    """Return the folder of the dataset files: ``RESIFT_DATASETS``, or ``include/datasets`` beside that of the DAGs."""
    named = os.environ.get("RESIFT_DATASETS")
    return Path(named) if named else Path(dag_file).resolve().parent.parent / "include" / "datasets"


def read_dataset_files(folder: Path) -> list[Dataset]:
    """Read all of every ``*.yaml`` in a folder, in order of their names.

    Raises:
        ConfigError: There is no such folder, or one of the files breaks a rule.
    """
    from resift.model.dataset import Dataset  # heavy: a scheduler that only wants the grids does without

    _require_folder(folder)
    files = sorted(folder.glob("*.yaml"))
    return [Dataset.from_yaml(file.read_text(encoding="utf-8"), what=str(file)) for file in files]


def read_schedules(folder: Path) -> Schedules:
    """Read the schedule of every ``*.yaml`` in a folder, in order of their names.

    A broken file does not hide the others: it is reported beside them.

    Raises:
        ConfigError: There is no such folder.
    """
    _require_folder(folder)
    readable, broken = [], []
    for file in sorted(folder.glob("*.yaml")):
        try:
            readable.append(read_schedule(file))
        except ConfigError as error:
            broken.append(str(error))
    return Schedules(tuple(readable), tuple(broken))


def _require_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise ConfigError(f"{folder}: no such folder, expected the one of the dataset files. Correct RESIFT_DATASETS.")


def read_schedule(file: Path) -> Schedule:
    """Read name, anchor and every of one dataset file.

    Raises:
        ConfigError: The file is not YAML, is not named after its dataset, or one of the three keys is missing or wrong.
    """
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: not YAML ({error}). Mend the file.") from error
    if not isinstance(content, Mapping):
        raise ConfigError(f"{file}: found {type(content).__name__}, expected a mapping of keys. Mend the file.")
    if content.get("name") != file.stem:
        raise ConfigError(
            f"{file}: name is {content.get('name')!r}, expected {file.stem!r}, the file's own. Rename one of them."
        )
    anchor, every = content.get("anchor"), str(content.get("every"))
    if type(anchor) is not date:
        raise ConfigError(f"{file}: anchor is {anchor!r}, expected a date such as 2025-01-06. Mend the file.")
    if not (every.endswith("d") and every[:-1].isdecimal()):
        raise ConfigError(f"{file}: every is {content.get('every')!r}, expected days such as 90d. Mend the file.")
    try:
        grid = Grid(anchor, timedelta(days=int(every[:-1])))
    except (GridError, OverflowError) as error:
        raise ConfigError(f"{file}: every is {every!r}, expected days such as 90d. Mend the file.") from error
    return Schedule(dataset=file.stem, file=file.absolute(), grid=grid)

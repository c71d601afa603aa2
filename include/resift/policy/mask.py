"""The mask: which countries lie within a buffer of each cell of a raster of the globe, and which cells are sea."""

from __future__ import annotations

import json
import lzma
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from pathlib import Path

import numpy as np

from resift.errors import ConfigError
from resift.model.document import Document, Name, canonical_json, sha256_hex

PER_DEGREE = 20
"""Cells along a degree. A whole number, so that borders of cells are where rounded coordinates are."""

ROWS, COLUMNS = 180 * PER_DEGREE, 360 * PER_DEGREE
"""Row 0 begins at the South Pole, column 0 at 180 degrees west."""

LAND = "land"
"""Stands among the country codes of cells that have land or territorial sea in them, of whatever country."""

CORE = "-core"
"""Ends the name of the mask that was built with another and has no buffer: a cell has what reaches into it."""

SEA, OUTSIDE, INSIDE = range(3)
"""What a cell is to a set of countries: far from all and no land; far from all, but land; within the buffer of one."""

FORMAT = 1
_RUN = np.dtype("<u2")


class MaskDocument(Document):
    """What lies beside a mask file: where it is from, on what terms, and the digest of its bytes."""

    mask: Name
    format: int
    borders: str
    """Package and version the borders are from; its release is part of the name of the mask."""

    zones: str
    """Package and version of the ``zone.tab`` that says which country a time zone is in."""

    cells_per_degree: int
    buffer_km: float
    """A cell has the code of every country that comes nearer than this to any point of it."""

    licence: str
    attribution: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, eq=False)
class Mask:
    """Sets of country codes, one for each cell, as runs of equal cells that end with their row. About 1 MB."""

    about: MaskDocument
    sets: tuple[frozenset[str], ...]
    """The sets that occur, without LAND."""

    land: np.ndarray
    """For each set, whether its cells have land or territorial sea in them."""

    first: np.ndarray
    """The cell each run begins at, row by row from the south; one more for the end."""

    number: np.ndarray
    """The set of each run."""

    @property
    def codes(self) -> frozenset[str]:
        """All codes the mask knows: those of ISO 3166-1, and ``CP`` for Clipperton."""
        return frozenset().union(*self.sets)

    def codes_at(self, latitude: float, longitude: float) -> frozenset[str]:
        """Return the countries within the buffer of the cell that a point lies in; none on the high seas."""
        cell = int(cells_of(np.array([latitude]), np.array([longitude]))[0])
        return self.sets[self.number[np.searchsorted(self.first, cell, side="right") - 1]]


@dataclass(frozen=True, slots=True, eq=False)
class Marked:
    """A mask read for one set of country codes."""

    cells: np.ndarray
    """SEA, OUTSIDE or INSIDE for every cell, as a flat array of 26 MB."""

    first: np.ndarray
    """The first cell of each run that is INSIDE."""

    length: np.ndarray
    """How many cells it has; it ends with its row."""

    buffer_km: float


@lru_cache(maxsize=4)
def mark(mask: Mask, codes: frozenset[str]) -> Marked:
    """Return what each cell is to these country codes. Takes 20 ms, and is kept.

    Codes the mask does not know have no place on the map and mark nothing (``EU``, ``YU``): whoever reads codes
    from a person compares them with `Mask.codes`.
    """
    kind = np.where(mask.land, OUTSIDE, SEA).astype(np.uint8)
    kind[[bool(members & codes) for members in mask.sets]] = INSIDE
    of_run = kind[mask.number]
    length = np.diff(mask.first)
    inside = of_run == INSIDE
    return Marked(np.repeat(of_run, length), mask.first[:-1][inside], length[inside], mask.about.buffer_km)


def cells_of(latitude: np.ndarray, longitude: np.ndarray) -> np.ndarray:
    """Return the cell each point lies in, of points from -90 to 90 and -180 to 180 degrees."""
    row = np.minimum(((latitude + 90) * PER_DEGREE).astype(np.int32), ROWS - 1)
    column = ((longitude + 180) * PER_DEGREE).astype(np.int32)
    column[column == COLUMNS] = 0  # 180 degrees east is 180 degrees west
    return row * COLUMNS + column


def reaches(mask: Mask, latitude: np.ndarray, longitude: np.ndarray, codes: frozenset[str]) -> np.ndarray:
    """Return which points, all in range, lie in a cell that has one of these codes. Made for a few points."""
    has = np.array([bool(members & codes) for members in mask.sets])
    run = np.searchsorted(mask.first, cells_of(latitude, longitude), side="right") - 1
    return has[mask.number[run]]


@cache
def load_mask(name: str) -> Mask:
    """Return the mask of that name from the files shipped beside this module.

    Raises:
        ConfigError: There is none, or its bytes are not those its document names.
    """
    folder = Path(str(resources.files("resift.policy"))) / "data"
    known = sorted(file.stem for file in folder.glob("*.mask"))
    if name not in known:
        raise ConfigError(
            f"mask {name}: not found, expected one of {', '.join(known)}. Correct the mask the policy names, "
            "or build it with tools/build-mask."
        )
    return read_mask(folder / f"{name}.mask")


def read_mask(path: Path) -> Mask:
    """Return the mask of a file that has its document beside it.

    Raises:
        ConfigError: The bytes are not those the document names, or this version of resift cannot read them.
    """
    beside = path.with_suffix(".json")
    if not beside.is_file():
        raise ConfigError(
            f"mask {path}: {beside.name} is not beside it, expected the document that has its digest. "
            "Install resift again, or build the mask with tools/build-mask."
        )
    about = MaskDocument.from_yaml(beside.read_text(encoding="utf-8"), what=f"mask document {beside}")
    body = path.read_bytes()
    if (found := sha256_hex(body)) != about.sha256:
        raise ConfigError(
            f"mask {path}: has sha256 {found}, {beside.name} says {about.sha256}. "
            "Install resift again, or build the mask with tools/build-mask."
        )
    if (about.format, about.cells_per_degree) != (FORMAT, PER_DEGREE):
        raise ConfigError(
            f"mask {path}: has format {about.format} and {about.cells_per_degree} cells a degree, expected {FORMAT} "
            f"and {PER_DEGREE}. Build it with the tools/build-mask of this version."
        )
    return _decode(body, about)


def encode_mask(
    raster: np.ndarray, sets: Sequence[Collection[str]], **about: str | float
) -> tuple[bytes, MaskDocument]:
    """Return the bytes of a mask and its document; `read_mask` is the way back.

    Args:
        raster: For each cell the index of its set; rows from the south, columns from the west.
        sets: Country codes, and LAND.
        about: The other fields of the document.
    """
    starts = np.ones(raster.shape, dtype=bool)
    starts[:, 1:] = raster[:, 1:] != raster[:, :-1]
    length = np.diff(np.append(np.flatnonzero(starts), raster.size))
    head = canonical_json([sorted(members) for members in sets])
    content = head + b"\n" + length.astype(_RUN).tobytes() + raster[starts].astype(_RUN).tobytes()
    body = lzma.compress(content, format=lzma.FORMAT_XZ, check=lzma.CHECK_CRC32, preset=9 | lzma.PRESET_EXTREME)
    document = MaskDocument.model_validate(
        {**about, "format": FORMAT, "cells_per_degree": PER_DEGREE, "size_bytes": len(body), "sha256": sha256_hex(body)}
    )
    return body, document


def _decode(body: bytes, about: MaskDocument) -> Mask:
    head, _, rest = lzma.decompress(body, format=lzma.FORMAT_XZ).partition(b"\n")
    sets = [frozenset(members) for members in json.loads(head)]
    length, number = np.frombuffer(rest, dtype=_RUN).reshape(2, -1)
    return Mask(
        about=about,
        sets=tuple(members - {LAND} for members in sets),
        land=np.array([LAND in members for members in sets]),
        first=np.concatenate([[0], np.cumsum(length, dtype=np.int32)]).astype(np.int32),
        number=number,
    )

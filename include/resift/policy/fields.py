"""Columns of countries and of their parts, read once per distinct value."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from resift.policy.read import BARE, Means, Reader
from resift.policy.text import clean

_NOTHING, _OUTSIDE, _UNREADABLE, _AMBIGUOUS, _INSIDE = range(5)


@dataclass(frozen=True, slots=True)
class Column:
    """A column as numbers of distinct values, and what each of them means. The last stands for null."""

    index: np.ndarray
    texts: tuple[str, ...]
    means: tuple[Means, ...]

    def weigh(self, excluded: frozenset[str], rows: np.ndarray | None = None) -> np.ndarray:
        """Return what each row, or each of some, says, NOTHING to INSIDE, where these codes are excluded."""
        if rows is None:
            return np.array([_weigh(means, excluded) for means in self.means], dtype=np.int8)[self.index]
        number, used = np.unique(self.index[rows], return_inverse=True)
        return np.array([_weigh(self.means[at], excluded) for at in number], dtype=np.int8)[used]


def _weigh(means: Means, excluded: frozenset[str]) -> int:
    if means is None:
        return _UNREADABLE
    if not means:
        return _NOTHING
    inside = sum(code in excluded for code in means)
    if inside == len(means):
        return _INSIDE
    return _AMBIGUOUS if inside else _OUTSIDE


def country_column(values: pa.ChunkedArray, read: Callable[[str], Means]) -> Column:
    """Read a column of text."""
    encoded = values.combine_chunks().dictionary_encode()
    texts = tuple(encoded.dictionary.to_pylist())
    index = encoded.indices.fill_null(len(texts)).to_numpy(zero_copy_only=False)
    return Column(index, (*texts, ""), (*(read(text) for text in texts), ()))


def refine(owner: Column, subdivision: Column, reader: Reader) -> tuple[Column, Column]:
    """Let subdivisions and owner countries that stand in one row speak of each other.

    A suffix without its country, such as ``974``, is one of the owner's country. A subdivision that counts as another
    place than its country says so of an owner of that country: ``DK`` with ``DK-FO`` is the Faroe Islands.
    """
    owners, parts = _Growing(owner), _Growing(subdivision)
    for part, country, rows in _pairs(subdivision, owner, [_is_bare(text) for text in subdivision.texts]):
        code = _only(owner.means[country])
        if code is not None:
            text = f"{code}-{clean(subdivision.texts[part])}"
            parts.set(rows, text, reader.subdivision(text))
    subdivision = parts.done()
    own = [clean(text).upper() in reader.policy.subdivisions for text in subdivision.texts]
    for part, country, rows in _pairs(subdivision, owner, own):
        text = clean(subdivision.texts[part]).upper()
        if _only(owner.means[country]) == text.partition("-")[0]:
            owners.set(rows, owner.texts[country], subdivision.means[part])
    return owners.done(), subdivision


def _is_bare(text: str) -> bool:
    code = clean(text).upper()
    return code.isascii() and BARE.fullmatch(code) is not None


def _only(means: Means) -> str | None:
    return means[0][:2] if means is not None and len(means) == 1 else None


def _pairs(one: Column, other: Column, wanted: list[bool]) -> Iterator[tuple[int, int, np.ndarray]]:
    """Yield each pair of distinct values that occurs in a row where the first is wanted, and its rows."""
    if not any(wanted):
        return
    rows = np.flatnonzero(np.array(wanted)[one.index])
    number = one.index[rows].astype(np.int64) * len(other.texts) + other.index[rows]
    order = np.argsort(number, kind="stable")
    distinct, begin = np.unique(number[order], return_index=True)
    for pair, mine in zip(distinct.tolist(), np.split(rows[order], begin[1:]), strict=True):
        yield (*divmod(pair, len(other.texts)), mine)


class _Growing:
    """A column some rows of which are given other meanings."""

    def __init__(self, column: Column) -> None:
        self._column = column
        self._index: np.ndarray | None = None
        self._more: list[tuple[str, Means]] = []

    def set(self, rows: np.ndarray, text: str, means: Means) -> None:
        if self._index is None:
            self._index = self._column.index.astype(np.int64)
        self._index[rows] = len(self._column.texts) + len(self._more)
        self._more.append((text, means))

    def done(self) -> Column:
        if self._index is None:
            return self._column
        texts, means = zip(*self._more, strict=True)
        return Column(self._index, (*self._column.texts, *texts), (*self._column.means, *means))

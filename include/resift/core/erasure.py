"""Decide which published rows an erasure takes out."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from resift.core.suppression import suppression_digest
from resift.model.suppression import Suppression


@dataclass(frozen=True, slots=True)
class Targets:
    """The images to take out, as keyed hashes: the PRN finds a row, the digest of its id decides."""

    numbers: np.ndarray
    """PRNs, ascending, without repeats."""

    digests: frozenset[str]
    salt: str

    @classmethod
    def of(cls, entries: Iterable[Suppression], owned: pa.Table, *, salt: str) -> Targets:
        """Return the images suppressed themselves, and those found to be of a suppressed owner.

        Args:
            entries: Suppressions; those of owners do not count here.
            owned: ``prn`` and ``image_id`` of the images of suppressed owners.
            salt: The pool's.
        """
        images = [entry for entry in entries if entry.kind == "image"]
        numbers = [*(entry.number for entry in images), *owned["prn"].to_pylist()]
        digests = {entry.digest for entry in images}
        digests.update(suppression_digest("image", name, salt=salt) for name in owned["image_id"].to_pylist())
        return cls(np.unique(np.array(numbers, dtype=np.int64)), frozenset(digests), salt)

    def reach(self, first: int, last: int) -> bool:
        """Return whether a file whose rows begin and end with these PRNs, wrapping round, may hold one of them."""
        low, high = (
            int(np.searchsorted(self.numbers, np.int64(first))),
            int(np.searchsorted(self.numbers, np.int64(last), side="right")),
        )
        return low < high if first <= last else low < len(self.numbers) or high > 0

    def mask(self, prn: np.ndarray, ids: pa.ChunkedArray) -> np.ndarray:
        """Return for each row whether it is taken out."""
        found = np.isin(prn, self.numbers)
        for row in np.flatnonzero(found):
            name = ids[int(row)].as_py()
            found[row] = suppression_digest("image", name, salt=self.salt) in self.digests
        return found


def spellings(texts: Sequence[str]) -> list[bytes]:
    """Return how ids and URLs may stand in a page or a JSON document."""
    found = {text.encode() for text in texts} | {html.escape(text).encode() for text in texts}
    found |= {json.dumps(text)[1:-1].encode() for text in texts}
    return sorted(found)


def names_any(body: bytes, wanted: Sequence[bytes]) -> bool:
    """Return whether a document names one of these as a word of its own, not as a part of a longer one."""
    edge = rb"[\w-]"
    return any(
        text in body and re.search(rb"(?<!%s)%s(?!%s)" % (edge, re.escape(text), edge), body) is not None
        for text in wanted
    )

"""The result of a removal: rows in = rows kept + rows removed, each removed row with one reason."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Reasons:
    """One word, or none, for each of many items. Items are many and words few, so a small number stands for each."""

    codes: np.ndarray
    """0 is none, and ``n`` the ``n``-th of the words."""

    words: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.codes)

    @classmethod
    def none(cls, size: int, words: tuple[str, ...] = ()) -> Reasons:
        """Return no reason for so many items; codes are set in place before anybody else sees them."""
        return cls(np.zeros(size, dtype=np.int8 if len(words) < np.iinfo(np.int8).max else np.int32), words)

    @property
    def given(self) -> np.ndarray:
        """Whether each item has a reason."""
        return self.codes != 0

    def code(self, word: str) -> int:
        """Return the number that stands for a word."""
        return self.words.index(word) + 1

    def take(self, chosen: np.ndarray) -> Reasons:
        """Return the reasons of some items, by position or by mask."""
        return Reasons(self.codes[chosen], self.words)

    def counts(self) -> dict[str, int]:
        """Return how often each word occurs, in the order of the words by name."""
        counts = np.bincount(self.codes, minlength=len(self.words) + 1)[1:]
        return {word: int(count) for word, count in sorted(zip(self.words, counts, strict=True)) if count}

    def to_arrow(self) -> pa.Array:
        """Return the words as text, null for none."""
        indices = pa.array(self.codes.astype(np.int32) - 1, mask=~self.given)
        return pa.DictionaryArray.from_arrays(indices, pa.array(self.words, pa.string())).cast(pa.string())


@dataclass(frozen=True, slots=True)
class Split:
    """Positions of items kept, and of items removed by reason. No item is in two places, none is lost."""

    kept: np.ndarray
    removed: dict[str, np.ndarray]

    @classmethod
    def by_reason(cls, items: np.ndarray, reasons: Reasons) -> Split:
        """Split items by reasons of the same length; what has none is kept."""
        leaves = np.flatnonzero(reasons.codes)
        codes = reasons.codes[leaves]
        removed = {word: items[leaves[codes == reasons.code(word)]] for word in reasons.take(leaves).counts()}
        return cls(items[reasons.codes == 0], removed)

    def then(self, later: Split) -> Split:
        """Return the split of two removals in a row, the later one having been made on what this one kept."""
        removed = dict(self.removed)
        for reason, items in later.removed.items():
            removed[reason] = np.concatenate([removed[reason], items]) if reason in removed else items
        return Split(later.kept, removed)

    def counts(self) -> dict[str, int]:
        """Return how many items were removed for each reason."""
        return {reason: len(items) for reason, items in sorted(self.removed.items()) if len(items)}

    def reasons(self, size: int) -> Reasons:
        """Return the reason each item was removed for, if it was; ``size`` items in all."""
        reasons = Reasons.none(size, tuple(sorted(self.removed)))
        for code, word in enumerate(reasons.words, start=1):
            reasons.codes[self.removed[word]] = code
        return reasons

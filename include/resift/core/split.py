"""The result of a removal: rows in = rows kept + rows removed, each removed row with one reason."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pandas import factorize

_NONE = np.array(None, dtype=object)


def has_reason(reasons: np.ndarray) -> np.ndarray:
    """Return for each element of an array of reasons whether it is one, and not None."""
    return np.not_equal(reasons, _NONE).astype(bool)


@dataclass(frozen=True, slots=True)
class Split:
    """Positions of items kept, and of items removed by reason. No item is in two places, none is lost."""

    kept: np.ndarray
    removed: dict[str, np.ndarray]

    @classmethod
    def by_reason(cls, items: np.ndarray, reasons: np.ndarray) -> Split:
        """Split items by an array of reasons of the same length; None keeps."""
        leaves = has_reason(reasons)
        gone, (why, known) = items[leaves], factorize(reasons[leaves])
        places = {str(reason): code for code, reason in enumerate(known)}
        return cls(items[~leaves], {reason: gone[why == places[reason]] for reason in sorted(places)})

    def then(self, later: Split) -> Split:
        """Return the split of two removals in a row, the later one having been made on what this one kept."""
        removed = dict(self.removed)
        for reason, items in later.removed.items():
            removed[reason] = np.concatenate([removed[reason], items]) if reason in removed else items
        return Split(later.kept, removed)

    def counts(self) -> dict[str, int]:
        """Return how many items were removed for each reason."""
        return {reason: len(items) for reason, items in sorted(self.removed.items()) if len(items)}

    def reasons(self, size: int) -> np.ndarray:
        """Return one object per item: the reason it was removed for, or None; ``size`` items in all."""
        reasons = np.full(size, None, dtype=object)
        for reason, items in self.removed.items():
            reasons[items] = reason
        return reasons

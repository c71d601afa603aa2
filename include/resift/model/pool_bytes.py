"""What a step read of a pool's runs, against what it could not do without."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

from resift.model.document import Document


class PoolBytes(Document):
    """Bytes of a pool's runs. A step that is run again counts what it reads then: of finished ranges, nothing."""

    read: int = 0
    """Bytes that left the storage: footers, row groups, and what lay between them."""

    needed: int = 0
    """Bytes that hold the observations asked for: of the column chunks they lie in, the share of their rows."""

    @classmethod
    def total(cls, several: Iterable[Self]) -> Self:
        """Add up."""
        listed = list(several)
        return cls(read=sum(one.read for one in listed), needed=sum(one.needed for one in listed))

    def told(self) -> str:
        """Say it to a person."""
        if not self.read:
            return "read nothing of the pool's runs: every range had been sifted"
        ratio = f"{self.read / self.needed:.1f} times the " if self.needed else ""
        return f"read {self.read:,} bytes of the pool's runs, {ratio}{self.needed:,} needed"

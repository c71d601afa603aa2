"""What the evidence of many items says, counted: how often fields disagree, and what the buffer costs."""

from __future__ import annotations

from typing import Literal

from resift.model.document import Document

Said = Literal["nothing", "outside", "unreadable", "ambiguous", "inside"]
"""What a field says of an item, from least to most weight."""

OTHER = "other"
"""Countries of few items together, and items of no one country: a count of a few could be one known person's."""

FEW = 10
"""Items below which a country is not told by itself."""


class Reading(Document):
    """Items of which three fields say the same. Of several observations of an item the weightiest counts."""

    owner_country: Said
    upload_country: Said
    gps: Said
    items: int


class CountryItems(Document):
    """Items of one country, by their owner's country, or where that is none, by that of the upload."""

    items: int
    buffer_only: int
    """Items excluded for nothing but coordinates outside of every excluded country and in the buffer of one."""


class EvidenceCounts(Document):
    """What the evidence of the items says that the policy judged, over the ranges a snapshot covers.

    ``items = kept + not_drawn + excluded`` of the funnel. Counts only, and none of less than ``FEW`` by country.
    """

    items: int
    readings: tuple[Reading, ...]
    """Combinations that occur, the commonest first; they add up to ``items``."""

    countries: dict[str, CountryItems]
    """By ISO 3166-1 alpha-2 code, the commonest first, then ``other``; they add up to ``items``."""

    def compare(self, one: str, other: str) -> dict[tuple[str, str], int]:
        """Return how many items two of the fields of a `Reading` say what of, one first."""
        found: dict[tuple[str, str], int] = {}
        for reading in self.readings:
            pair = (getattr(reading, one), getattr(reading, other))
            found[pair] = found.get(pair, 0) + reading.items
        return found

    @property
    def buffer_only(self) -> int:
        """Items lost to nothing but the safety buffer of coordinates."""
        return sum(country.buffer_only for country in self.countries.values())


NO_READINGS = EvidenceCounts(items=0, readings=(), countries={})

"""How a snapshot is composed, coarsely enough to be published: what the next version's drift is measured against."""

from __future__ import annotations

from resift.model.document import Document

WHOLE = 1000
"""Shares are written in thousandths."""

OTHER = "other"
"""All values too rare to be named."""

NONE = "none"
"""No value."""


class Mixes(Document):
    """Shares of the rows, in thousandths, by what they have in common.

    Coarse on purpose: a share is a multiple of ten rows and of a thousandth, whichever is more, and rarer values are
    ``other``. So nobody can tell from two of them, or from one and the data, whether one item was there.
    """

    country: dict[str, int]
    """By the country the evidence names, in ISO 3166-1; other spellings are ``other``."""

    host: dict[str, int]
    license: dict[str, int]
    """Empty where the licence is not published."""

    age_days: dict[str, int]
    """By days since the item was last observed, in tens."""

    nulls: dict[str, int]
    """Rows without a value, by published column."""

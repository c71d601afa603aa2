"""A suppression: who may never appear again, as keyed hashes only."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from resift.model.document import Document, Name


class Suppression(Document):
    """One request that an image, or all images of an owner, never be sampled again.

    The id itself is not kept. ``number`` finds candidates fast; ``digest`` decides.
    """

    pool: Name
    kind: Literal["image", "owner"]
    number: int
    """The id's keyed hash of 63 bits, made like a PRN."""

    digest: str
    """HMAC-SHA-256 of kind and id under the pool's salt, in hex."""

    request: str
    """Reference of the request, such as a ticket number. No personal data."""

    requested_at: datetime

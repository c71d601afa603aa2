"""What ending a version would do; its digest is what a person agrees to."""

from __future__ import annotations

from datetime import date
from typing import Literal

from resift.model.document import Document, Name


class EndingPlan(Document):
    """One version to withdraw or to retire, as it was looked at."""

    act: Literal["withdraw", "retire"]
    dataset: Name
    version: date
    revision: int
    content_digest: str
    why: str
    follows: date | None
    files: int
    """Files that would be deleted; a withdrawal deletes none."""

    size_bytes: int

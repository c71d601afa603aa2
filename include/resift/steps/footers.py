"""Remembers the footers of runs, so that a process reads each once, whatever the number of its steps and tasks."""

from __future__ import annotations

from threading import Lock

import pyarrow.parquet as pq

MOST_BYTES = 12 << 20
"""Bytes of footers remembered, as they are stored; in memory each takes some fourteen times as much."""


class Footers:
    """Footers by the SHA-256 of the run they are of; as many as fit, those used last. For many threads."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        """Begin with none."""
        self._most = most_bytes
        self._held: dict[str, pq.FileMetaData] = {}
        self._changing = Lock()

    def find(self, sha256: str) -> pq.FileMetaData | None:
        """Return the footer of a run if it is remembered."""
        return self._held.get(sha256)

    def keep(self, sha256: str, footer: pq.FileMetaData) -> None:
        """Remember a footer that was used now, and forget those not used for longest where they are too many."""
        with self._changing:
            self._held.pop(sha256, None)
            self._held[sha256] = footer
            while sum(one.serialized_size for one in self._held.values()) > self._most:
                del self._held[next(iter(self._held))]


FOOTERS = Footers()
"""Those of this process."""

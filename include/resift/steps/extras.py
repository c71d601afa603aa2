"""Write the small files that lie beside the data of a snapshot."""

from __future__ import annotations

from collections.abc import Mapping

from resift.model.document import sha256_hex
from resift.model.manifest import Extra
from resift.storage import Store, together


def write_extras(store: Store, prefix: str, bodies: Mapping[str, bytes]) -> list[Extra]:
    """Write each body at its path below ``prefix``, many at a time, and return their entries in the order given."""

    def write(path: str) -> Extra:
        body = bodies[path]
        store.put(prefix + path, body)
        return Extra(path=path, size_bytes=len(body), sha256=sha256_hex(body))

    return list(together(write, bodies))

"""The host an image lies on, read from its URL."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

# Scheme, user part, host (RFC 3986, section 3): enough to name a host, not to check a URL.
_HOST = r"^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?(?P<host>[^/?#:@]+)"


def hosts(urls: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the lower-case host of each URL, null where there is none."""
    return pc.ascii_lower(pc.struct_field(pc.extract_regex(urls, pattern=_HOST), "host"))

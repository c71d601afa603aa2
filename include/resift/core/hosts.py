"""The host an image lies on, read from its URL."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

# Scheme, user part, host (RFC 3986, section 3): enough to name a host, not to check a URL.
_HOST = r"^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?(?P<host>[^/?#:@]+)"


def hosts(urls: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the lower-case host of each URL, null where there is none.

    A host ends before the third slash. What comes before it is the same in many URLs, and looked at once.
    """
    pieces = pc.list_slice(pc.split_pattern(urls, "/", max_splits=3), 0, 3)
    fronts = pa.chunked_array(pc.binary_join(pieces, "/")).combine_chunks().dictionary_encode()
    found = pc.ascii_lower(pc.struct_field(pc.extract_regex(fronts.dictionary, pattern=_HOST), "host"))
    return pa.chunked_array([found.take(fronts.indices)])

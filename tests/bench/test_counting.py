"""Bytes are counted whichever way they are read."""

import pytest

from bench.counting import CountingStore
from resift.storage import MemoryStore


@pytest.mark.parametrize(
    "read",
    [
        lambda store: store.get("a"),
        lambda store: store.get_range("a", start=0, length=10),
        lambda store: b"".join(store.stream("a", start=0, length=99)),
        lambda store: store.open("a").read(),
    ],
)
def test_each_way_of_reading_is_counted(read):
    store = CountingStore(MemoryStore())
    store.put("a", b"0123456789")

    assert read(store) == b"0123456789"
    assert (store.counts()["bytes_read"], store.counts()["objects_read"]) == (10, 1)

"""One small storage protocol, three implementations."""

from resift.storage.local import LocalStore
from resift.storage.memory import MemoryStore
from resift.storage.metered import Metered
from resift.storage.protocol import BLOCK_BYTES, ObjectStat, Store
from resift.storage.spans import prefetch
from resift.storage.together import together
from resift.storage.url import open_store

__all__ = [
    "BLOCK_BYTES",
    "LocalStore",
    "MemoryStore",
    "Metered",
    "ObjectStat",
    "Store",
    "open_store",
    "prefetch",
    "together",
]

"""One small storage protocol, three implementations."""

from resift.storage.protocol import ObjectStat, Store
from resift.storage.url import open_store

__all__ = ["ObjectStat", "Store", "open_store"]

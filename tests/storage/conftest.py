"""The stores the contract suite runs against."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
import s3_servers

from resift.storage import LocalStore, MemoryStore, Store
from resift.storage.s3 import S3Store

NewStore = Callable[[], Store]


@pytest.fixture(params=["memory", "local", *s3_servers.available()])
def new_store(request: pytest.FixtureRequest, tmp_path: Path) -> NewStore:
    """Return a function that opens another empty store of one kind."""
    if request.param == "memory":
        return MemoryStore
    if request.param == "local":
        return lambda: LocalStore(tmp_path / uuid.uuid4().hex)
    server = request.getfixturevalue("s3_server")(request.param)
    client, bucket = server.client(), server.new_bucket()
    return lambda: S3Store(client, bucket, uuid.uuid4().hex)


@pytest.fixture
def store(new_store: NewStore) -> Store:
    return new_store()

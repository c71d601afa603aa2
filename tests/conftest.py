"""What every test may use."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
import s3_servers
from hypothesis import settings

# The same examples each time, and no clock: a test must not fail because the machine is busy.
settings.register_profile("resift", deadline=None, derandomize=True)
settings.load_profile("resift")


def pytest_report_header() -> list[str]:
    return [s3_servers.report()]


@pytest.fixture(scope="session")
def s3_server() -> Iterator[Callable[[str], s3_servers.S3Server]]:
    """Return a server by name (``s3_servers.available()``), started when first asked for."""
    started: dict[str, s3_servers.S3Server] = {}
    with ExitStack() as stack:

        def server(name: str) -> s3_servers.S3Server:
            if name not in started:
                started[name] = stack.enter_context(s3_servers.running(name))
            return started[name]

        yield server

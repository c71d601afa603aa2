"""S3 servers for tests: the real ones under ``build/tools``, and moto's, each started once a session."""

from __future__ import annotations

import http.client
import logging
import os
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

TOOLS = Path(__file__).parents[1] / "build" / "tools"
REAL = ("versitygw", "minio")
ACCESS_KEY = "resift-test"
SECRET_KEY = "resift-test-secret"
REGION = "us-east-1"
STARTS_WITHIN_SECONDS = 20.0


def available() -> list[str]:
    """Return the servers this machine can start; moto's is always among them."""
    return [name for name in REAL if os.access(TOOLS / name, os.X_OK)] + ["moto"]


def report() -> str:
    """Say which servers are used and which are not, for the head of the test report."""
    missing = [name for name in REAL if name not in available()]
    text = f"S3 servers: {', '.join(available())}"
    return f"{text}; not built: {', '.join(missing)} (run `make tools`)" if missing else text


@dataclass(frozen=True, slots=True)
class S3Server:
    """A running server, reached with the keys of this module."""

    name: str
    endpoint: str
    pid: int = 0
    """Its process; 0 for moto's, which is a thread of this one."""

    @property
    def environment(self) -> dict[str, str]:
        """The variables under which ``open_store("s3://…")`` reaches this server, also in another process."""
        return {
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self, endpoint: str = "", *, attempts: int = 5, secret_key: str = SECRET_KEY) -> Any:
        """Return a boto3 client of this server, or of a proxy before it."""
        return _client(endpoint or self.endpoint, attempts, secret_key)

    def new_bucket(self) -> str:
        """Create an empty bucket and return its name."""
        bucket = f"lake-{uuid.uuid4().hex[:12]}"
        self.client().create_bucket(Bucket=bucket)
        return bucket


@cache
def _client(endpoint: str, attempts: int, secret_key: str) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=secret_key,
        region_name=REGION,
        config=Config(
            s3={"addressing_style": "path"},
            retries={"mode": "standard", "total_max_attempts": attempts},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )


@contextmanager
def running(name: str) -> Iterator[S3Server]:
    """Start a server on a free port of this machine and stop it at the end."""
    with ExitStack() as stack:
        if name == "moto":
            yield S3Server(name, stack.enter_context(_moto()))
            return
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=f"{name}-")))
        (directory / "data").mkdir()
        port = _free_port()
        log = stack.enter_context((directory / "log").open("wb"))
        command, variables = _command(name, directory, port)
        process = subprocess.Popen(
            command, env=os.environ | variables, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=directory
        )
        stack.callback(_stop, process)
        _await(name, process, port, directory / "log")
        yield S3Server(name, f"http://127.0.0.1:{port}", process.pid)


def _command(name: str, directory: Path, port: int) -> tuple[list[str], dict[str, str]]:
    address = f"127.0.0.1:{port}"
    data = str(directory / "data")
    if name == "minio":
        command = [str(TOOLS / name), "server", data, "--address", address, "--quiet"]
        return command, {"MINIO_ROOT_USER": ACCESS_KEY, "MINIO_ROOT_PASSWORD": SECRET_KEY, "MINIO_BROWSER": "off"}
    command = [str(TOOLS / name), "--port", address, "--quiet", "--keep-alive", "posix"]
    if not _has_attributes(directory):
        (directory / "attributes").mkdir()
        command += ["--sidecar", str(directory / "attributes")]
    return [*command, data], {"ROOT_ACCESS_KEY": ACCESS_KEY, "ROOT_SECRET_KEY": SECRET_KEY}


def _has_attributes(directory: Path) -> bool:
    """versitygw keeps etags in extended attributes, which some temporary file systems lack."""
    try:
        os.setxattr(directory, "user.resift", b"1")
    except OSError:
        return False
    return True


@contextmanager
def _moto() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await(name: str, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Return when the server answers HTTP; whatever it answers, it has started."""
    end = time.monotonic() + STARTS_WITHIN_SECONDS
    while time.monotonic() < end:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
        try:
            connection.request("GET", "/")
            connection.getresponse()
            return
        except OSError:
            if _ends_within(process, 0.05):
                break
        finally:
            connection.close()
    raise RuntimeError(f"{name}: found no answer on port {port}. Its log says: {log.read_text(errors='replace')}")


def _ends_within(process: subprocess.Popen[bytes], seconds: float) -> bool:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    if not _ends_within(process, 5):
        process.kill()
        process.wait()

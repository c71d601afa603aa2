"""Opens the store a lake URL names."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from resift.errors import ConfigError
from resift.storage.key import check_key
from resift.storage.local import LocalStore
from resift.storage.protocol import Store

_ACCEPTED = "file:///absolute/directory or s3://bucket/prefix"
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]")


def open_store(url: str) -> Store:
    """Open a lake.

    ``file:///`` names a directory, made by the first write. ``s3://bucket/prefix`` names a bucket that exists; it is
    reached as the standard AWS environment says, ``AWS_ENDPOINT_URL`` included. Nothing is read or written yet.

    Raises:
        ConfigError: The URL is not one of the two.
        StorageError: The AWS environment cannot be used.
    """
    if url.startswith("file:"):
        return LocalStore(_directory(url))
    if url.startswith("s3://"):
        bucket, prefix = _bucket(url)
        from resift.storage.s3_connect import connect  # botocore takes a tenth of a second to import

        return connect(bucket, prefix)
    if url.startswith("s3:"):
        raise _refused(url, "too few slashes", f"Write s3://{url.removeprefix('s3:').lstrip('/')}.")
    if "://" not in url and url:
        raise _refused(url, "a path", f"Write {Path(url).absolute().as_uri()}.")
    raise _refused(url, "another scheme" if url else "nothing", "Correct the lake URL.")


def _directory(url: str) -> Path:
    parts = urlsplit(url)
    if parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
        raise _refused(url, "no absolute directory", "Write three slashes after 'file:'.")
    if parts.query or parts.fragment:
        raise _refused(url, "a '?' or '#'", "Write them as %3F and %23.")
    return Path(unquote(parts.path))


def _bucket(url: str) -> tuple[str, str]:
    bucket, _, prefix = url.removeprefix("s3://").partition("/")
    if not _BUCKET.fullmatch(bucket):
        raise _refused(url, f"the bucket name {bucket!r}", "Write the bucket's name after 's3://'.")
    prefix = prefix.rstrip("/")
    if prefix:
        try:
            check_key(prefix)
        except ValueError as error:
            raise ConfigError(f"lake {url!r}: {error}") from error
    return bucket, prefix


def _refused(url: str, found: str, remedy: str) -> ConfigError:
    return ConfigError(f"lake {url!r}: found {found}, expected {_ACCEPTED}. {remedy}")

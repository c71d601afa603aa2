"""Streams a stretch of one S3 object, going on where a connection broke."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from resift.errors import StorageError
from resift.storage.protocol import BLOCK_BYTES
from resift.storage.s3_errors import status


def stream_range(
    client: Any, address: dict[str, str], *, what: str, start: int, length: int, attempts: int, etag: str = ""
) -> Iterator[bytes]:
    """Yield a stretch in blocks, all of the object that had the etag, or of the one that was met first.

    Raises:
        BotoCoreError: The connection broke at every attempt.
        ClientError: The endpoint refused.
        StorageError: The object was replaced, or more than was asked for was answered.
    """
    end = start + length
    for attempt in range(1, attempts + 1):
        answer = _ask(client, address, start, end) if start < end else None
        if answer is None:
            return
        body = answer["Body"]
        try:
            etag = etag or answer.get("ETag", "")
            _require_asked(client, answer, what, most=end - start, etag=etag)
            while block := body.read(min(BLOCK_BYTES, end - start)):
                start += len(block)
                yield block
            return
        except BotoCoreError:
            if attempt == attempts:
                raise
        finally:
            body.close()


def read_tail(
    client: Any, address: dict[str, str], *, what: str, length: int, attempts: int
) -> tuple[bytes, int, str] | None:
    """Return the last bytes of an object, its size and its etag; None of an empty one, which has no last bytes.

    Raises:
        BotoCoreError: The connection broke at every attempt.
        ClientError: The endpoint refused.
        StorageError: More than was asked for was answered.
    """
    for attempt in range(1, attempts + 1):
        try:
            answer = client.get_object(**address, Range=f"bytes=-{length}")
        except ClientError as error:
            if status(error) == 416:
                return None
            raise
        body = answer["Body"]
        try:
            etag = answer.get("ETag", "")
            _require_asked(client, answer, what, most=length, etag=etag)
            size = answer.get("ContentRange", "").rpartition("/")[2] or answer["ContentLength"]
            return body.read(), int(size), etag
        except BotoCoreError:
            if attempt == attempts:
                raise
        finally:
            body.close()
    raise AssertionError("the loop returns or raises")


def replaced(what: str, *, found: str, expected: str) -> StorageError:
    """Word that an object changed under its reader."""
    return StorageError(
        f"{what}: found {found} while reading, expected {expected} as when it was opened: another writer replaced it. "
        "Open it again."
    )


def _ask(client: Any, address: dict[str, str], start: int, end: int) -> Any:
    try:
        return client.get_object(**address, Range=f"bytes={start}-{end - 1}")
    except ClientError as error:
        if status(error) == 416:  # a range past the end is an error to S3 and an empty answer to us
            return None
        raise


def _require_asked(client: Any, answer: Any, what: str, *, most: int, etag: str) -> None:
    if answer.get("ETag", "") != etag:
        raise replaced(what, found=f"etag {answer.get('ETag')}", expected=etag)
    found = answer.get("ContentLength")
    if found is None or found > most:
        raise StorageError(
            f"{what}: {client.meta.endpoint_url} answers {found or 'any number of'} bytes, expected the {most} asked "
            "for. The endpoint ignores byte ranges; use another."
        )

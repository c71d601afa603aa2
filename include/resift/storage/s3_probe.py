"""Finds out whether an S3 endpoint keeps the preconditions of a write.

Look-alikes differ: some accept ``If-None-Match`` and ignore it, some accept ``If-Match`` on a missing key. On those two
writers could publish the same version, so they are refused before the first conditional write.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from resift.errors import ConditionalWritesUnsupported
from resift.model.keys import PROBES
from resift.storage.s3_errors import code, is_failed_precondition, is_missing_key, is_race, status

_FOREIGN_ETAG = '"00000000000000000000000000000000"'


def probe_conditional_writes(client: Any, *, bucket: str, prefix: str, url: str) -> None:
    """Write, rewrite and remove a probe object, and require that each precondition decides.

    Costs six small requests. Errors that say nothing about preconditions, as a missing bucket, pass through.

    Raises:
        ConditionalWritesUnsupported: Some precondition was ignored, or refused where it holds.
    """
    name = f"{prefix}{PROBES}{uuid.uuid4().hex}"
    endpoint = str(client.meta.endpoint_url)

    written = set()

    def write(key: str, body: bytes, **precondition: str) -> str:
        etag = str(client.put_object(Bucket=bucket, Key=key, Body=body, **precondition)["ETag"])
        written.add(key)
        return etag

    def must_hold(what: str, attempt: Callable[[], str]) -> str:
        try:
            return attempt()
        except ClientError as error:
            if _says_nothing(error):
                raise
            raise _unsupported(url, endpoint, what, f"answered {code(error)}", "be done") from error

    def must_refuse(what: str, attempt: Callable[[], str]) -> None:
        try:
            attempt()
        except ClientError as error:
            if is_failed_precondition(error) or is_missing_key(error) or is_race(error):
                return
            if _says_nothing(error):
                raise
            raise _unsupported(url, endpoint, what, f"answered {code(error)}", "be refused with 412") from error
        raise _unsupported(url, endpoint, what, "ignored the precondition", "be refused with 412")

    try:
        etag = must_hold("If-None-Match: * on a new key", lambda: write(name, b"1", IfNoneMatch="*"))
        must_refuse("If-None-Match: * on an existing key", lambda: write(name, b"2", IfNoneMatch="*"))
        must_refuse("If-Match with a foreign etag", lambda: write(name, b"3", IfMatch=_FOREIGN_ETAG))
        must_refuse("If-Match on a missing key", lambda: write(f"{name}-missing", b"4", IfMatch=_FOREIGN_ETAG))
        must_hold("If-Match with the object's own etag", lambda: write(name, b"5", IfMatch=etag))
    finally:
        for key in written:
            client.delete_object(Bucket=bucket, Key=key)


def _says_nothing(error: ClientError) -> bool:
    """Rights, buckets, failures of the server and repeated requests are no answer to what is asked here."""
    repeated = int(error.response.get("ResponseMetadata", {}).get("RetryAttempts", 0)) > 0
    failed = status(error) >= 500 and status(error) != 501
    return failed or repeated or status(error) in (401, 403) or code(error) == "NoSuchBucket"


def _unsupported(url: str, endpoint: str, what: str, found: str, expected: str) -> ConditionalWritesUnsupported:
    return ConditionalWritesUnsupported(
        f"{url}: {endpoint} {found} of a write with {what}, expected it to {expected}. Nothing was published. "
        "Use an endpoint with conditional writes, as AWS S3, MinIO and versitygw have, or a newer version of this one."
    )

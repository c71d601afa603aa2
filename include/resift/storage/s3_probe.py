"""Finds out whether an S3 endpoint keeps the preconditions of a write.

Look-alikes differ: some accept ``If-None-Match`` and ignore it, some accept ``If-Match`` on a missing key. On those two
writers could publish the same version, so they are refused before the first conditional write.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
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
    probe = _Probe(client, bucket, url)
    try:
        etag = probe.require_done("If-None-Match: * on a new key", name, IfNoneMatch="*")
        probe.require_refused("If-None-Match: * on an existing key", name, IfNoneMatch="*")
        probe.require_refused("If-Match with a foreign etag", name, IfMatch=_FOREIGN_ETAG)
        probe.require_refused("If-Match on a missing key", f"{name}-missing", IfMatch=_FOREIGN_ETAG)
        probe.require_done("If-Match with the object's own etag", name, IfMatch=etag)
    finally:
        for key in probe.written:
            client.delete_object(Bucket=bucket, Key=key)


@dataclass(frozen=True, slots=True)
class _Probe:
    client: Any
    bucket: str
    url: str
    written: set[str] = field(default_factory=set)

    def require_done(self, what: str, key: str, **precondition: str) -> str:
        try:
            return self._write(key, precondition)
        except ClientError as error:
            if _says_nothing(error):
                raise
            raise self._unsupported(what, f"answered {code(error)}", "be done") from error

    def require_refused(self, what: str, key: str, **precondition: str) -> None:
        try:
            self._write(key, precondition)
        except ClientError as error:
            if is_failed_precondition(error) or is_missing_key(error) or is_race(error):
                return
            if _says_nothing(error):
                raise
            raise self._unsupported(what, f"answered {code(error)}", "be refused with 412") from error
        raise self._unsupported(what, "ignored the precondition", "be refused with 412")

    def _write(self, key: str, precondition: dict[str, str]) -> str:
        # The bodies differ, so that an endpoint that drops repeated writes of the same bytes does not pass.
        body = uuid.uuid4().bytes
        etag = str(self.client.put_object(Bucket=self.bucket, Key=key, Body=body, **precondition)["ETag"])
        self.written.add(key)
        return etag

    def _unsupported(self, what: str, found: str, expected: str) -> ConditionalWritesUnsupported:
        return ConditionalWritesUnsupported(
            f"{self.url}: {self.client.meta.endpoint_url} {found} of a write with {what}, expected it to {expected}. "
            "Nothing was published. Use an endpoint with conditional writes, as AWS S3, MinIO and versitygw have, "
            "or a newer version of this one."
        )


def _says_nothing(error: ClientError) -> bool:
    """Rights, buckets, failures of the server and repeated requests are no answer to what is asked here."""
    repeated = int(error.response.get("ResponseMetadata", {}).get("RetryAttempts", 0)) > 0
    failed = status(error) >= 500 and status(error) != 501
    return failed or repeated or status(error) in (401, 403) or code(error) == "NoSuchBucket"

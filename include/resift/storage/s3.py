"""Keeps objects in an S3 bucket, through the clients of boto3."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO, cast

from botocore.exceptions import BotoCoreError, ClientError

from resift.errors import KeyNotFound, StorageError
from resift.storage import key as keys
from resift.storage.key import check_bounds, check_folder, check_key, check_prefix
from resift.storage.protocol import ObjectStat
from resift.storage.s3_errors import is_failed_precondition, is_missing_key, is_race, reported, status
from resift.storage.s3_file import READ_AHEAD_BYTES, RangeReader
from resift.storage.s3_probe import probe_conditional_writes
from resift.storage.s3_stream import read_tail, replaced, stream_range
from resift.storage.s3_transfer import copy, upload

ATTEMPTS = 5
"""How often a request, the reading of a body or an undecided create is tried before it is an error."""

MIB = 1024 * 1024
READS_AT_A_TIME = 16
"""Stretches of open objects that are fetched side by side."""

_PART = 16 * MIB

_WRITER = "resift-writer"
"""Metadata that names one call of ``swap``, so that it knows its own object again after a lost response."""


class S3Store:
    """A store under a prefix of a bucket. Safe to use from many threads."""

    def __init__(self, client: Any, bucket: str, prefix: str) -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        self._endpoint = str(client.meta.endpoint_url)
        self._lock = Lock()
        self._threads = ThreadPoolExecutor(READS_AT_A_TIME, thread_name_prefix="resift-s3")
        self._is_trusted = False
        self._bucket_exists = False

    @property
    def url(self) -> str:
        """The ``s3://`` URL of the lake."""
        return f"s3://{self._bucket}/{self._prefix}".rstrip("/")

    def get(self, key: str) -> bytes:
        """Return a whole object."""
        return self._read(key)[0]

    def get_range(self, key: str, *, start: int, length: int) -> bytes:
        """Return ``length`` bytes from ``start``; fewer at the end of the object, none past it."""
        return b"".join(self.stream(key, start=start, length=length))

    def stream(self, key: str, *, start: int, length: int) -> Iterator[bytes]:
        """Yield the same bytes as ``get_range`` in blocks."""
        check_bounds(key, start=start, length=length)
        if length == 0:
            self._require(key)
        return self._stream(key, start, length)

    def open(self, key: str) -> BinaryIO:
        """Open an object for random access; reading it fails with StorageError once it was replaced.

        The one request this takes brings the object's end along, where Parquet says what lies where.
        """
        tail, opened = self._read_tail(key)

        def fetch(start: int, length: int) -> bytes:
            body = b"".join(self._stream(key, start, length, opened.etag))
            if len(body) != length:
                found, expected = f"{start + len(body)} bytes", f"{opened.size_bytes}"
                raise replaced(f"{self.url}: {key}", found=found, expected=expected)
            return body

        return cast(BinaryIO, RangeReader(fetch, opened.size_bytes, tail=tail, threads=self._threads))

    def stat(self, key: str) -> ObjectStat | None:
        """Return size and etag, or None where no object lies."""
        with self._reported(key):
            try:
                found = self._client.head_object(**self._address(key))
            except ClientError as error:
                if not is_missing_key(error):
                    raise
                self._require_bucket()
                return None
        return ObjectStat(key, int(found["ContentLength"]), str(found["ETag"]))

    def list(self, prefix: str) -> Iterator[ObjectStat]:
        """Yield all objects under ``prefix``, a page of a thousand at a time."""
        check_prefix(prefix)
        return self._objects(prefix)

    def folders(self, prefix: str) -> Iterator[str]:
        """Yield the names that follow ``prefix`` up to a slash, a thousand a request."""
        check_folder(prefix)
        for page in self._pages(prefix, Delimiter="/"):
            for found in page.get("CommonPrefixes", ()):
                yield str(found["Prefix"]).removeprefix(self._prefix + prefix).removesuffix("/")

    def put(self, key: str, body: bytes) -> str:
        """Write an object, replacing what was there; return its etag."""
        with self._reported(key):
            self._require_bucket()
            return str(self._client.put_object(**self._address(key), Body=body)["ETag"])

    def put_file(self, key: str, path: Path) -> str:
        """Write an object from a local file, in parts of 16 MiB where it is larger; return its etag."""
        address = self._address(key)
        with path.open("rb") as file, self._reported(key):
            self._require_bucket()
            if path.stat().st_size <= _PART:
                return str(self._client.put_object(**address, Body=file)["ETag"])
            upload(self._client, file, address, part_bytes=_PART)
        return self._require(key).etag

    def create(self, key: str, body: bytes) -> str:
        """Write an object that must not exist yet, or holds these very bytes; return its etag."""
        address = self._address(key)
        self._probe()
        for _ in range(ATTEMPTS):
            with self._reported(key):
                try:
                    return str(self._client.put_object(**address, Body=body, IfNoneMatch="*")["ETag"])
                except ClientError as error:
                    if not is_failed_precondition(error) and not is_race(error):
                        raise
            try:
                found, etag = self._read(key)
            except KeyNotFound:
                continue  # the other object was removed, or its writer has not finished
            if found == body:
                return etag
            raise keys.exists(self.url, key)
        raise StorageError(
            f"{self.url}: {key}: found other writers at work in {ATTEMPTS} attempts, expected to write or to find "
            "what they wrote. Repeat."
        )

    def swap(self, key: str, body: bytes, *, etag: str) -> str:
        """Replace an object that must still have ``etag``; return the new etag."""
        address = self._address(key)
        self._probe()
        writer = uuid.uuid4().hex
        with self._reported(key):
            try:
                written = self._client.put_object(**address, Body=body, IfMatch=etag, Metadata={_WRITER: writer})
                return str(written["ETag"])
            except ClientError as error:
                if not (is_failed_precondition(error) or is_missing_key(error) or is_race(error)):
                    raise
            # boto3 repeats a write whose response was lost, and the repetition fails on our own first success.
            # Comparing bytes would not do: another writer may have swapped in the very same ones.
            try:
                found = self._client.head_object(**address)
            except ClientError as error:
                if not is_missing_key(error):
                    raise
                raise keys.conflict(self.url, key, found=None, expected=etag) from None
        if found.get("Metadata", {}).get(_WRITER) == writer:
            return str(found["ETag"])
        raise keys.conflict(self.url, key, found=str(found["ETag"]), expected=etag)

    def copy(self, source: str, target: str) -> None:
        """Copy an object inside the bucket, without its bytes passing through here; replaces the target."""
        origin, address = self._address(source), self._address(target)
        if source == target:
            self._require(source)  # S3 refuses to copy an object onto itself
            return
        with self._reported(source):
            copy(self._client, origin, address)

    def delete(self, key: str) -> None:
        """Remove an object; no error where none lies."""
        with self._reported(key):
            try:
                self._client.delete_object(**self._address(key))
            except ClientError as error:
                if not is_missing_key(error):
                    raise

    def _address(self, key: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": self._prefix + check_key(key)}

    def _reported(self, key: str) -> Any:
        return reported(self.url, key, self._endpoint)

    def _require(self, key: str) -> ObjectStat:
        if (found := self.stat(key)) is None:
            raise keys.not_found(self.url, key)
        return found

    def _require_bucket(self) -> None:
        """Ask for the bucket itself, once.

        A HEAD answers 404 for a missing bucket too, and "could not find out" is not "no". Some servers (SeaweedFS)
        make a missing bucket at the first write, so that a lake URL with a slip of the pen would found a second lake.
        """
        if not self._bucket_exists:
            try:
                self._client.head_bucket(Bucket=self._bucket)
            except ClientError as error:
                if status(error) == 404:
                    error.response["Error"]["Code"] = "NoSuchBucket"
                raise
            self._bucket_exists = True

    def _read(self, key: str) -> tuple[bytes, str]:
        """Return a body and its etag; boto3 repeats requests but not the reading of their bodies."""
        address = self._address(key)
        with self._reported(key):
            for attempt in range(1, ATTEMPTS + 1):
                answer = self._client.get_object(**address)
                try:
                    return answer["Body"].read(), str(answer["ETag"])
                except BotoCoreError:
                    if attempt == ATTEMPTS:
                        raise
        raise AssertionError("the loop returns or raises")

    def _read_tail(self, key: str) -> tuple[bytes, ObjectStat]:
        address, what = self._address(key), f"{self.url}: {key}"
        with self._reported(key):
            found = read_tail(self._client, address, what=what, length=READ_AHEAD_BYTES, attempts=ATTEMPTS)
        if found is None:
            return b"", self._require(key)
        tail, size, etag = found
        return tail, ObjectStat(key, size, etag)

    def _stream(self, key: str, start: int, length: int, etag: str = "") -> Iterator[bytes]:
        address, what = self._address(key), f"{self.url}: {key}"
        with self._reported(key):
            yield from stream_range(
                self._client, address, what=what, start=start, length=length, attempts=ATTEMPTS, etag=etag
            )

    def _pages(self, prefix: str, **options: str) -> Iterator[dict[str, Any]]:
        pages = iter(
            self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=self._prefix + prefix, **options
            )
        )
        while True:
            with self._reported(prefix):
                page = next(pages, None)
            if page is None:
                return
            yield page

    def _objects(self, prefix: str) -> Iterator[ObjectStat]:
        last = ""
        for page in self._pages(prefix):
            for found in page.get("Contents", ()):
                key = str(found["Key"]).removeprefix(self._prefix)
                if not key or key.endswith("/"):
                    continue  # what consoles write to show an empty directory
                if key <= last:
                    raise StorageError(
                        f"{self.url}: {self._endpoint} listed {key} after {last}, expected UTF-8 order. "
                        "Use a general purpose bucket; directory buckets are not listed in order."
                    )
                last = key
                yield ObjectStat(key, int(found["Size"]), str(found["ETag"]))

    def _probe(self) -> None:
        with self._lock:
            if not self._is_trusted:
                with self._reported("probe/"):
                    self._require_bucket()
                    probe_conditional_writes(self._client, bucket=self._bucket, prefix=self._prefix, url=self.url)
                self._is_trusted = True

"""Moves what is too large for one request, in several at a time, by the transfer library of boto3."""

from __future__ import annotations

from typing import Any, BinaryIO

_MIB = 1024 * 1024


def upload(client: Any, file: BinaryIO, address: dict[str, str], *, part_bytes: int) -> None:
    """Write an object from a file, in parts."""
    with _transfer(client, threshold=part_bytes, part=part_bytes) as manager:
        manager.upload(file, bucket=address["Bucket"], key=address["Key"]).result()


def copy(client: Any, origin: dict[str, str], address: dict[str, str]) -> None:
    """Copy an object: one request moves at most 5 GiB, and a look-alike needs its time for each."""
    with _transfer(client, threshold=1024 * _MIB, part=256 * _MIB) as manager:
        manager.copy(origin, bucket=address["Bucket"], key=address["Key"]).result()


def _transfer(client: Any, *, threshold: int, part: int) -> Any:
    # Those who read need none of it, and it is a tenth of what a small command takes to start.
    from boto3.s3.transfer import TransferConfig, create_transfer_manager

    config = TransferConfig(multipart_threshold=threshold, multipart_chunksize=part, max_concurrency=4)
    return create_transfer_manager(client, config)

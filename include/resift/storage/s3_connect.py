"""Connects to an S3 endpoint as the standard AWS environment says."""

from __future__ import annotations

import boto3
from botocore.config import Config

from resift.errors import ConfigError
from resift.storage.s3 import ATTEMPTS, S3Store
from resift.storage.s3_errors import reported


def connect(bucket: str, prefix: str) -> S3Store:
    """Open a bucket with the standard AWS environment, ``AWS_ENDPOINT_URL`` included.

    Anything but AWS itself is addressed by path (``endpoint/bucket/key``) and spared the checksums of newer AWS
    clients, which look-alikes refuse; manifests carry digests of all that is published.

    Raises:
        ConfigError: The endpoint is not a URL.
        StorageError: The profile or region of the environment cannot be used.
    """
    shared = Config(
        connect_timeout=10,
        read_timeout=60,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        max_pool_connections=32,
        tcp_keepalive=True,
    )
    lookalike = Config(
        s3={"addressing_style": "path"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    url = f"s3://{bucket}/{prefix}"
    try:
        with reported(url, prefix, "AWS"):
            session = boto3.session.Session()
            client = session.client("s3", config=shared)
            if "amazonaws.com" not in client.meta.endpoint_url:
                client = session.client("s3", config=shared.merge(lookalike))
    except ValueError as error:
        raise ConfigError(
            f"lake {url}: found {error}, expected an http or https URL. Correct AWS_ENDPOINT_URL."
        ) from error
    return S3Store(client, bucket, prefix)

"""Connects to an S3 endpoint as the standard AWS environment says."""

from __future__ import annotations

import os

from botocore.config import Config
from botocore.session import get_session

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
    url = f"s3://{bucket}/{prefix}"
    # Making a client takes a while, so it is made as it will most likely be, and once more where it is another's.
    guess = any(name in os.environ for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"))
    try:
        with reported(url, prefix, "AWS"):
            session = get_session()
            client = session.create_client("s3", config=_configure(lookalike=guess))
            if (lookalike := "amazonaws.com" not in client.meta.endpoint_url) != guess:
                client = session.create_client("s3", config=_configure(lookalike=lookalike))
    except ValueError as error:
        raise ConfigError(
            f"lake {url}: found {error}, expected an http or https URL. Correct AWS_ENDPOINT_URL."
        ) from error
    return S3Store(client, bucket, prefix)


def _configure(*, lookalike: bool) -> Config:
    shared = Config(
        connect_timeout=10,
        read_timeout=60,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        max_pool_connections=32,
        tcp_keepalive=True,
    )
    if not lookalike:
        return shared
    return shared.merge(
        Config(
            s3={"addressing_style": "path"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
    )

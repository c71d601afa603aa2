"""Words what went wrong between this machine and an S3 endpoint."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
)

from resift.errors import StorageError
from resift.storage import key as keys

_UNKNOWN_USER = ("InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "InvalidClientTokenId")
_FORBIDDEN = ("AccessDenied", "403", "Forbidden", "AllAccessDisabled")
_NO_CREDENTIALS = (NoCredentialsError, PartialCredentialsError, ProfileNotFound)


@contextmanager
def reported(url: str, key: str, endpoint: str) -> Iterator[None]:
    """Turn errors of boto3 into StorageError; the original stays its cause."""
    try:
        yield
    except ClientError as error:
        raise _refused(url, key, endpoint, error) from error
    except _NO_CREDENTIALS as error:
        raise StorageError(
            f"{url}: found no usable AWS credentials ({error}), expected a key and its secret. Set "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE."
        ) from error
    except (ConnectionError, HTTPClientError) as error:
        raise StorageError(
            f"{url}: {key}: found no answer from {endpoint} ({error}), expected one. "
            "Check AWS_ENDPOINT_URL and the network, then repeat."
        ) from error
    except BotoCoreError as error:
        raise StorageError(
            f"{url}: {key}: found {type(error).__name__} at {endpoint} ({error}), expected a complete answer. "
            "Check the AWS environment and repeat."
        ) from error


def code(error: ClientError) -> str:
    """Return S3's name for an error, or the status where it has none."""
    return str(error.response.get("Error", {}).get("Code", "")) or str(status(error))


def status(error: ClientError) -> int:
    """Return the HTTP status of an error; 0 where there was none."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def is_missing_key(error: ClientError) -> bool:
    """Say whether the object was not there; an answer to HEAD does not tell a missing bucket from it."""
    return status(error) == 404 and code(error) != "NoSuchBucket"


def is_failed_precondition(error: ClientError) -> bool:
    """Say whether the endpoint refused a write for its precondition."""
    return status(error) == 412


def is_race(error: ClientError) -> bool:
    """Say whether another conditional write was under way, so that the endpoint did not decide."""
    return code(error) in ("ConditionalRequestConflict", "OperationAborted")


def _refused(url: str, key: str, endpoint: str, error: ClientError) -> StorageError:
    name = code(error)
    if name == "NoSuchBucket":
        return StorageError(
            f"{url}: found no such bucket at {endpoint}, expected it to exist. Create it or correct the lake URL."
        )
    if is_missing_key(error):
        return keys.not_found(url, key)
    if name in _UNKNOWN_USER:
        return StorageError(
            f"{url}: {endpoint} answered {name}, expected to know the access key. "
            "Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN and AWS_ENDPOINT_URL."
        )
    if name in _FORBIDDEN:
        return StorageError(
            f"{url}: {key}: {endpoint} answered {name} to {error.operation_name}, expected to be allowed. "
            "Ask the bucket's owner for the right, or use other credentials."
        )
    message = error.response.get("Error", {}).get("Message", "no message")
    return StorageError(
        f"{url}: {key}: {endpoint} answered {name} ({message}) to {error.operation_name}, expected it to be done. "
        "Repeat; if it stays, ask who runs the endpoint."
    )

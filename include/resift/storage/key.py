"""Says which keys are allowed, once for all stores, and words what every store says about a key."""

from __future__ import annotations

from resift.errors import KeyExists, KeyNotFound, StorageError, WriteConflict

RESERVED = ".resift"
"""First segment of what a local store keeps for itself: unfinished writes and its lock."""

MAX_KEY_BYTES = 1024
"""S3's limit on a whole key."""

MAX_SEGMENT_BYTES = 255
"""The limit of file systems on one name."""


def check_key(key: str) -> str:
    """Return ``key`` when every store can hold it.

    A key that only some stores can hold is refused by all, so that a lake can move from a directory to S3 and back.

    Raises:
        ValueError: The key is empty, absolute, too long, or has an empty, ``.`` or ``..`` segment, a backslash,
            a control character or a lone surrogate.
    """
    segments = _check_text(key, "key").split("/")
    for segment in segments:
        _check_segment(key, segment, "key")
    _check_unreserved(key, segments, "key")
    return key


def check_prefix(prefix: str) -> str:
    """Return ``prefix`` when some key could start with it; the empty prefix stands for all keys.

    Raises:
        ValueError: As for ``check_key``, but the last segment may be cut anywhere, so it may be empty.
    """
    segments = _check_text(prefix, "prefix").split("/")
    # ".." at the end too, though a key may begin so: MinIO refuses to list it.
    for segment in segments if segments[-1] else segments[:-1]:
        _check_segment(prefix, segment, "prefix")
    if len(segments) > 1:
        _check_unreserved(prefix, segments, "prefix")
    return prefix


def check_folder(prefix: str) -> str:
    """Return ``prefix`` when it stands for the whole lake or ends where a folder does.

    Raises:
        ValueError: As for ``check_prefix``, or it ends inside a name.
    """
    if prefix and not prefix.endswith("/"):
        raise ValueError(f"prefix {prefix!r}: ends inside a name, expected it to be empty or to end with a slash.")
    return check_prefix(prefix)


def check_bounds(key: str, *, start: int, length: int) -> None:
    """Refuse a byte range that points before an object.

    Raises:
        ValueError: ``start`` or ``length`` is negative.
    """
    if start < 0 or length < 0:
        raise ValueError(
            f"{key}: found a byte range from {start} of length {length}, expected two numbers not below zero. "
            "Ask for a range inside the object."
        )


def not_found(url: str, key: str) -> KeyNotFound:
    """Word that no object lies under a key."""
    return KeyNotFound(f"{url}: found no object under {key}, expected one. Check the lake URL and the key.")


def exists(url: str, key: str) -> KeyExists:
    """Word that a create-only write met another object."""
    return KeyExists(
        f"{url}: found an object with other content under {key}, expected none, so it was not replaced. "
        "Read it to see who wrote it."
    )


def conflict(url: str, key: str, *, found: str | None, expected: str) -> WriteConflict:
    """Word that a compare-and-swap lost."""
    state = "no object" if found is None else f"etag {found}"
    return WriteConflict(
        f"{url}: found {state} under {key}, expected etag {expected}: another writer was first. "
        "Read the object again, decide again and repeat."
    )


def shadowed(url: str, key: str, other: str) -> StorageError:
    """Word that a key would be both an object and a directory."""
    return StorageError(
        f"{url}: found an object under {other}, expected no object whose key continues or begins {key} at a '/'. "
        "Choose another key: directories cannot hold both."
    )


def _check_text(text: str, noun: str) -> str:
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise _refused(noun, text, "a lone surrogate", "text that UTF-8 can hold") from error
    if size > MAX_KEY_BYTES:
        raise _refused(noun, text, f"{size} bytes", f"at most {MAX_KEY_BYTES}")
    if "\\" in text:
        raise _refused(noun, text, "a backslash", "'/' between segments")
    if any(ord(char) < 0x20 or ord(char) == 0x7F for char in text):
        raise _refused(noun, text, "a control character", "printable text")
    return text


def _check_segment(text: str, segment: str, noun: str) -> None:
    if segment in ("", ".", ".."):
        raise _refused(noun, text, f"the segment {segment!r}", "non-empty names between single '/'")
    if len(segment.encode()) > MAX_SEGMENT_BYTES:
        raise _refused(noun, text, f"a segment of {len(segment.encode())} bytes", f"at most {MAX_SEGMENT_BYTES}")


def _check_unreserved(text: str, segments: list[str], noun: str) -> None:
    if segments[0] == RESERVED:
        raise _refused(noun, text, f"the first segment {RESERVED!r}", "one that no store keeps for itself")


def _refused(noun: str, text: str, found: str, expected: str) -> ValueError:
    return ValueError(f"{noun} {text!r}: found {found}, expected {expected}. Build keys with resift.model.keys.")

"""Check who signed a manifest: Ed25519 (RFC 8032) over its bytes as they lie in the lake."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

from resift.client.sound import MOST_BYTES
from resift.errors import ConfigError, KeyNotFound, SnapshotDamaged, StagingError
from resift.model import keys
from resift.model.document import sha256_hex
from resift.model.manifest import Manifest
from resift.model.signature import Signature
from resift.storage import Store


def read_public_key(given: str) -> str:
    """Return a public key as 64 hexadecimal digits, given so or as a PEM file.

    Raises:
        ConfigError: It is neither.
    """
    if re.fullmatch(r"[0-9a-fA-F]{64}", given):
        return given.lower()
    serialization, ed25519 = require_ed25519()
    try:
        key = serialization.load_pem_public_key(Path(given).read_bytes())
    except (OSError, ValueError) as error:
        raise _no_key(given, str(error)) from error
    if not isinstance(key, ed25519.Ed25519PublicKey):
        raise _no_key(given, type(key).__name__)
    return str(key.public_bytes_raw().hex())


def require_signed(store: Store, manifest: Manifest, public_key: str) -> None:
    """Refuse a manifest that the holder of a key did not sign.

    A signature is kept by the digest of the manifest it is of, so that one of another version or revision is never
    taken for it.

    Args:
        store: The lake.
        manifest: The manifest, as it was read from there.
        public_key: The key, as 64 hexadecimal digits.

    Raises:
        SnapshotDamaged: There is no signature, or it is not by this key, or not of this manifest.
    """
    what = f"snapshot {manifest.dataset} {manifest.version}.{manifest.revision}"
    advice = "Do not use it, and ask who publishes it which key signs."
    body = store.get_range(keys.manifest(manifest.dataset, manifest.version), start=0, length=MOST_BYTES)
    if Manifest.from_json(body, what=f"{what}: its manifest") != manifest:
        raise SnapshotDamaged(f"{what}: its manifest changed while it was read, expected it to stay. Try again.")
    digest = sha256_hex(body)
    key = keys.signature(manifest.dataset, manifest.version, digest)
    try:
        signature = Signature.from_json(store.get(key), what=f"{what}: {key}")
    except KeyNotFound as error:
        raise SnapshotDamaged(
            f"{what}: found no signature of manifest {digest[:12]}…, expected one by key {key_id(public_key)}. {advice}"
        ) from error
    except StagingError as error:
        raise SnapshotDamaged(str(error)) from error
    if signature.key_id != key_id(public_key):
        raise SnapshotDamaged(
            f"{what}: found a signature by key {signature.key_id[:40]}, expected one by key {key_id(public_key)}. "
            f"{advice}"
        )
    if signature.manifest_digest != digest or not _holds(public_key, signature, body):
        raise SnapshotDamaged(
            f"{what}: the signature is not one of manifest {digest[:12]}… by key {key_id(public_key)}, expected one "
            f"that holds. {advice}"
        )


def key_id(public_key: str) -> str:
    """Return what a key is called: the beginning of the SHA-256 of its 32 bytes."""
    return sha256_hex(bytes.fromhex(public_key))[:16]


def _holds(public_key: str, signature: Signature, body: bytes) -> bool:
    _, ed25519 = require_ed25519()
    from cryptography.exceptions import InvalidSignature

    try:
        ed25519.Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key)).verify(
            bytes.fromhex(signature.signature), body
        )
    except (InvalidSignature, ValueError):
        return False
    return True


def require_ed25519() -> tuple[ModuleType, ModuleType]:
    """Return the modules of cryptography for keys in files and for Ed25519.

    Raises:
        ConfigError: It is not installed.
    """
    try:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ImportError as error:
        raise ConfigError(
            "signature: found no library to check it with, expected cryptography. In a clone of resift: "
            "pip install -c requirements.txt '.[sign]'."
        ) from error
    return serialization, ed25519


def _no_key(given: str, found: str) -> ConfigError:
    return ConfigError(
        f"key {given}: found {found}, expected an Ed25519 public key, as a PEM file or as 64 hexadecimal digits. "
        "Ask who publishes the dataset for it."
    )

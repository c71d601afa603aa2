"""Sign a manifest, before it is written, with the key that RESIFT_SIGNING_KEY names."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from resift.client.signature import key_id, require_ed25519, require_signed
from resift.errors import ConfigError, SnapshotDamaged
from resift.model import keys
from resift.model.document import sha256_hex
from resift.model.manifest import Manifest
from resift.model.signature import Signature
from resift.storage import Store

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

VARIABLE = "RESIFT_SIGNING_KEY"


def sign(store: Store, manifest: Manifest, key: Ed25519PrivateKey) -> None:
    """Write the signature of a manifest that is about to be written.

    Signed is only what was just made, never what was found in the lake: whoever can alter a manifest there does not get
    it signed.
    """
    body = manifest.to_json()
    digest = sha256_hex(body)
    signature = Signature(key_id=key_id(public_of(key)), manifest_digest=digest, signature=key.sign(body).hex())
    store.put(keys.signature(manifest.dataset, manifest.version, digest), signature.to_json())


def sign_revision(store: Store, before: Manifest, revised: Manifest, key: Ed25519PrivateKey) -> None:
    """Sign the next revision of a version if the one before is signed by the same key.

    Else it may have been altered, and stays unsigned. It is revised all the same: nothing holds up an erasure.
    """
    try:
        require_signed(store, before, public_of(key))
    except SnapshotDamaged:
        return
    sign(store, revised, key)


def signing_key() -> Ed25519PrivateKey | None:
    """Return the key that RESIFT_SIGNING_KEY names, or None where it names none.

    Raises:
        ConfigError: It names no Ed25519 private key without a password, in PEM.
    """
    path = os.environ.get(VARIABLE)
    if not path:
        return None
    serialization, ed25519 = require_ed25519()
    try:
        key = serialization.load_pem_private_key(Path(path).read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise _no_key(path, str(error)) from error
    if not isinstance(key, ed25519.Ed25519PrivateKey):
        raise _no_key(path, type(key).__name__)
    return key


def public_of(key: Ed25519PrivateKey) -> str:
    """Return the public key, as 64 hexadecimal digits."""
    return key.public_key().public_bytes_raw().hex()


def _no_key(path: str, found: str) -> ConfigError:
    return ConfigError(
        f"{VARIABLE} {path}: found {found}, expected an Ed25519 private key in PEM, without a password. "
        "Make one with `openssl genpkey -algorithm ed25519`, or unset the variable."
    )

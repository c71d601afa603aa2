"""Who vouches for a manifest."""

from __future__ import annotations

from resift.model.document import Document


class Signature(Document):
    """An Ed25519 signature over the bytes of one manifest."""

    format: str = "resift-signature/1"
    key_id: str
    """First 16 hexadecimal digits of the SHA-256 of the public key."""

    manifest_digest: str
    """SHA-256 of the bytes that are signed."""

    signature: str
    """64 bytes, in hexadecimal digits."""

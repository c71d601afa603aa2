"""What describes a version to people and to other tools: all of it follows from the manifest."""

from __future__ import annotations

from resift.client.card import describe_card
from resift.client.citation import cite_cff
from resift.client.croissant import describe_croissant
from resift.model import keys
from resift.model.manifest import Manifest


def describe(manifest: Manifest) -> dict[str, bytes]:
    """Return the card, the Croissant description and the citation of a version, by name relative to it.

    The manifest does not list them: they lie beside it as a convenience, and whoever copies a version writes them anew
    from the manifest that was checked.
    """
    return {
        keys.CARD: describe_card(manifest).encode(),
        keys.CROISSANT: describe_croissant(manifest),
        keys.CITATION: cite_cff(manifest).encode(),
    }

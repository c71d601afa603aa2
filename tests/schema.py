"""The JSON Schemas that are published of documents; ``python tests/schema.py`` writes them anew."""

from __future__ import annotations

import json
from pathlib import Path

from resift.model.manifest import Manifest
from resift.model.pin import Copy, Pin
from resift.model.signature import Signature
from resift.model.tombstone import Tombstone

SCHEMAS = Path(__file__).resolve().parents[1] / "docs" / "schema"
DOCUMENTS = (Manifest, Pin, Copy, Tombstone, Signature)


def schema_of(document: type[Manifest | Pin | Copy | Tombstone | Signature]) -> tuple[str, str]:
    """Return the file name of a document's schema, which is that of its format, and the schema."""
    name = str(document.model_fields["format"].default)
    content = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:{name.replace('/', ':')}",
        **document.model_json_schema(mode="serialization"),
    }
    content["properties"]["format"] |= {"const": name}
    return f"{name.replace('/', '-')}.json", json.dumps(content, indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    for document in DOCUMENTS:
        name, text = schema_of(document)
        (SCHEMAS / name).write_text(text, encoding="utf-8")

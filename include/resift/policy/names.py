"""The table of country names: what a name in any language of the CLDR may mean."""

from __future__ import annotations

import json
import lzma
from functools import cache
from importlib import resources

from resift.errors import ConfigError
from resift.model.document import sha256_hex


@cache
def load_names(file: str, sha256: str) -> dict[str, str]:
    """Return the codes of each folded name, with a blank between them, from a table `tools/build-names` wrote.

    Raises:
        ConfigError: There is no such table, or its bytes are not those pinned.
    """
    found = resources.files("resift.policy").joinpath("data", file)
    if not found.is_file():
        raise ConfigError(f"names {file}: not found in resift/policy/data. Correct `pins.names` of the policy.")
    body = found.read_bytes()
    if sha256_hex(body) != sha256:
        raise ConfigError(
            f"names {file}: has sha256 {sha256_hex(body)}, the policy pins {sha256}. "
            "Install the table the policy was made with, or check the new one and pin it."
        )
    names: dict[str, str] = json.loads(lzma.decompress(body))
    return names

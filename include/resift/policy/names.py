"""The tables of names: what a country's name in any language of the CLDR may mean, and the name of a time zone."""

from __future__ import annotations

import json
import lzma
from functools import cache
from importlib import resources

from resift.errors import ConfigError
from resift.model.document import sha256_hex


@cache
def load_zones(file: str, sha256: str) -> dict[str, str]:
    """Return the codes of each time zone, in lower case, from a table `tools/build-zones` wrote.

    Raises:
        ConfigError: There is no such table, or its bytes are not those pinned.
    """
    zones: dict[str, str] = json.loads(_read_pinned(file, sha256, what="zones"))
    return zones


@cache
def load_names(file: str, sha256: str) -> dict[str, str]:
    """Return the codes of each folded name, with a blank between them, from a table `tools/build-names` wrote.

    Raises:
        ConfigError: There is no such table, or its bytes are not those pinned.
    """
    names: dict[str, str] = json.loads(lzma.decompress(_read_pinned(file, sha256, what="names")))
    return names


def _read_pinned(file: str, sha256: str, *, what: str) -> bytes:
    found = resources.files("resift.policy").joinpath("data", file)
    if not found.is_file():
        raise ConfigError(f"{what} {file}: not found in resift/policy/data. Correct `pins.{what}` of the policy.")
    body = found.read_bytes()
    if sha256_hex(body) != sha256:
        raise ConfigError(
            f"{what} {file}: has sha256 {sha256_hex(body)}, the policy pins {sha256}. "
            "Install the table the policy was made with, or check the new one and pin it."
        )
    return body

"""Reads YAML a person wrote, and takes nothing in it for what it may not mean."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import yaml

from resift.errors import ConfigError


def load_yaml(text: str, *, what: str) -> Any:
    """Return what a text says.

    Raises:
        ConfigError: The text is not YAML, or gives a key twice; ``what`` names the file in the message.
    """
    try:
        return yaml.load(text, Loader=_StrictLoader)
    except yaml.YAMLError as error:
        raise ConfigError(f"{what}: not YAML ({error}). Mend the file.") from error


class _StrictLoader(yaml.SafeLoader):
    """Reads YAML as the safe loader does, but refuses a key that is given twice: which one was meant?"""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Return a mapping whose keys are all different."""
        seen = set[Hashable]()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"found the key {key!r} twice, expected it once", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep=deep)

"""Load a policy: find the file, add it to the one it extends, and refuse it if it does not hold together."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import iso3166
import yaml
from pydantic import ValidationError

from resift.errors import ConfigError
from resift.model.document import first_error, first_problem
from resift.policy.cases import check_cases
from resift.policy.mask import load_mask
from resift.policy.names import load_names, load_zones
from resift.policy.policy import Policy, find_overlap

FOLDER = Path(str(resources.files("resift.policy")))
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@cache
def load_policy(name: str) -> Policy:
    """Return the policy of that name from the files shipped beside this module, or of that file.

    It is loaded only if every case of its case file comes out as the file says. Costs 0.2 s the first time.

    Args:
        name: A name such as ``eu``, or the path of a file that ends in ``.yaml``.

    Raises:
        ConfigError: There is none, or it breaks a rule.
    """
    return read_policy(_find(name))


def read_policy(path: Path) -> Policy:
    """Read a policy file, whatever was read before.

    Raises:
        ConfigError: It breaks a rule; the message names the line and the mend.
    """
    text = path.read_text(encoding="utf-8")
    what = f"policy {path}"
    own = _parse(text, what)
    base: Policy | None = None
    content: Mapping[str, Any] = own
    if isinstance(own.get("extends"), str):
        base = load_policy(own["extends"])
        content = _extend(base.model_dump(mode="json", by_alias=True), own)
    try:
        policy = Policy.model_validate(content)
    except ValidationError as error:
        place = first_error(error)["loc"]
        raise ConfigError(
            f"{what}{_line(text, place)}: {first_problem(error)}. Mend the file; docs/policy.md has every key."
        ) from error
    _require_whole(policy, text, what)
    _require_pins(policy, text, what)
    check_cases(policy, base, folder=_cases_folder(path), what=what)
    policy.came_from(f"{path}{_line(text, ('review_by',))}")
    return policy


def _find(name: str) -> Path:
    if name.endswith((".yaml", ".yml")):
        path = Path(name)
        if not path.is_file():
            raise ConfigError(f"policy {name}: there is no such file. Give the path of a policy file, or a name.")
        return path
    known = sorted(file.stem for file in FOLDER.glob("*.yaml"))
    if name not in known:
        near = difflib.get_close_matches(name, known, 1)
        meant = f" Did you mean {near[0]}?" if near else ""
        raise ConfigError(
            f"policy {name}: not found, expected one of {', '.join(known)}. Correct `policy:` of the dataset.{meant}"
        )
    return FOLDER / f"{name}.yaml"


def _cases_folder(path: Path) -> Path:
    return FOLDER / "cases" if path.parent == FOLDER else path.parent


def _parse(text: str, what: str) -> dict[str, Any]:
    try:
        content = yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise ConfigError(f"{what}: not YAML ({error}). Mend the file.") from error
    if not isinstance(content, dict):
        raise ConfigError(f"{what}: found {type(content).__name__}, expected a mapping of keys. Mend the file.")
    return content


def _extend(base: dict[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Add an extension to its base: lists grow, tables take further keys, rules of the same id and scalars replace."""
    merged = {key: value for key, value in base.items() if key not in ("relaxes", "supersedes")}
    for key, value in own.items():
        had = merged.get(key)
        if key == "rules" and isinstance(value, list):
            new = {rule.get("id") for rule in value if isinstance(rule, dict)}
            merged[key] = [rule for rule in base["rules"] if rule["id"] not in new] + value
        elif isinstance(had, list) and isinstance(value, list):
            merged[key] = had + value
        elif isinstance(had, dict) and isinstance(value, dict):
            merged[key] = {**had, **value}
        else:
            merged[key] = value
    return merged


def _require_whole(policy: Policy, text: str, what: str) -> None:
    if overlap := find_overlap(policy.territories):
        one, other = (policy.territories[position] for position in overlap)
        raise ConfigError(
            f"{what}{_line(text, ('territories', overlap[1]), policy)}: {other.code} of group {other.group} from "
            f"{other.since or 'ever'} to {other.until or 'now'} overlaps the interval from {one.since or 'ever'} to "
            f"{one.until or 'now'}; expected half-open intervals apart. End the earlier one where the later one begins."
        )
    if missing := sorted(({*iso3166.countries_by_alpha2, "XK"}) - policy.known):
        raise ConfigError(
            f"{what}{_line(text, ('outside',))}: ISO 3166-1 has {', '.join(missing)}, which the policy does not "
            "classify; expected every code. Add it to `territories`, or to `outside` if no rule shall ever speak of it."
        )


def _require_pins(policy: Policy, text: str, what: str) -> None:
    pins = policy.pins
    if pins.names is not None:
        load_names(pins.names.file, pins.names.sha256)
    if pins.zones is not None:
        load_zones(pins.zones.file, pins.zones.sha256)
    if pins.mask is None:
        return
    about = load_mask(pins.mask.file).about
    if about.sha256 != pins.mask.sha256:
        raise ConfigError(
            f"{what}{_line(text, ('pins', 'mask'))}: pins mask {pins.mask.file} with sha256 {pins.mask.sha256[:12]}…, "
            f"found {about.sha256[:12]}…. Install the mask the policy was made with, or check the new one and pin it."
        )
    if about.buffer_km != policy.gps.buffer_km:
        raise ConfigError(
            f"{what}{_line(text, ('gps', 'buffer_km'))}: buffer_km is {policy.gps.buffer_km}, mask {pins.mask.file} "
            f"has {about.buffer_km}; expected the same. Build a mask with tools/build-mask, or correct the policy."
        )


def _line(text: str, place: Sequence[int | str], merged: Policy | None = None) -> str:
    """Return `` line N`` for a key of a file; nothing where the key is not in it."""
    node = yaml.compose(text, Loader=_Loader)
    line = None
    for position, step in enumerate(place):
        if isinstance(node, yaml.MappingNode):
            found = next(((key, value) for key, value in node.value if key.value == str(step)), None)
            if found is None:
                break
            key, node = found
            line = key.start_mark.line
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            # An extension's own entries stand at the end of the merged list.
            total = len(merged.territories) if merged is not None and position == 1 else len(node.value)
            index = step - (total - len(node.value))
            if not 0 <= index < len(node.value):
                break
            node = node.value[index]
            line = node.start_mark.line
    return "" if line is None else f" line {line + 1}"

"""Documents on disk: frozen, closed, canonical and digested."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, ValidationError
from pydantic_core import ErrorDetails

from resift.errors import ConfigError, StagingError


class Document(BaseModel):
    """A value that is written down: immutable, and closed to keys nobody declared."""

    # What checks a document is built when the first one is read: a command reads few of them.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    def to_json(self) -> bytes:
        """Return the canonical JSON: keys sorted, no blanks, UTF-8."""
        return canonical_json(self.model_dump(mode="json"))

    def document_digest(self) -> str:
        """Return the SHA-256 of what the document says beyond its defaults, in hex.

        A key at its default does not count, so that a later version of resift may add keys without giving
        every document, and all that is named after it, another digest.
        """
        return sha256_hex(canonical_json(self.model_dump(mode="json", exclude_defaults=True)))

    @classmethod
    def from_json(cls, body: bytes, *, what: str) -> Self:
        """Read a document resift wrote itself.

        Raises:
            StagingError: The body is not such a document; ``what`` names the object in the message.
        """
        try:
            return cls.model_validate_json(body)
        except ValidationError as error:
            raise StagingError(
                f"{what}: {first_problem(error)}, expected a {cls.__name__} as this version of resift writes it. "
                "It was altered or written by another version; restore it, or run that version."
            ) from error

    @classmethod
    def from_yaml(cls, text: str, *, what: str) -> Self:
        """Read a document a person wrote.

        Raises:
            ConfigError: The text is not YAML or breaks a rule; ``what`` names the file in the message.
        """
        from resift.model.strict_yaml import load_yaml  # those who read snapshots read no YAML

        content = load_yaml(text, what=what)
        if not isinstance(content, Mapping):
            raise ConfigError(f"{what}: found {type(content).__name__}, expected a mapping of keys. Mend the file.")
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            known = ", ".join(cls.model_fields)
            raise ConfigError(
                f"{what}: {first_problem(error)}. Known top-level keys: {known}. Mend the file."
            ) from error


def canonical_json(content: Any) -> bytes:
    """Return content as canonical JSON, so that equal content has equal bytes."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def sha256_hex(body: bytes) -> str:
    """Return the SHA-256 of bytes, in hex."""
    return hashlib.sha256(body).hexdigest()


_LONGEST = 200


def first_error(error: ValidationError) -> ErrorDetails:
    """Return the error to tell first: a key nobody knows, for one that is missing is often the same, misspelled."""
    return min(error.errors(), key=lambda problem: problem["type"] != "extra_forbidden")


def first_problem(error: ValidationError) -> str:
    """Return the first problem of a validation error in one phrase, with the key it is about."""
    problem = first_error(error)
    where = ".".join(str(step) for step in problem["loc"]) or "the document"
    if problem["type"] == "extra_forbidden":
        return f"{where}: unknown key, expected only documented keys"
    if problem["type"] == "missing":
        return f"{where}: missing, expected a value"
    found = repr(problem.get("input"))
    # Of a whole document, what was found is not worth telling.
    found = found if len(found) <= _LONGEST else f"{found[:_LONGEST]}…"
    return f"{where}: found {found}, expected: {problem['msg'].removeprefix('Value error, ')}"


def parse_days(value: object) -> timedelta:
    """Read ``90d`` as 90 days; a timedelta passes."""
    if isinstance(value, timedelta):
        return value
    if isinstance(value, str) and value.endswith("d") and value[:-1].isdigit() and int(value[:-1]) > 0:
        return timedelta(days=int(value[:-1]))
    raise ValueError("a positive number of days such as 90d")


Days = Annotated[timedelta, BeforeValidator(parse_days), PlainSerializer(lambda days: f"{days.days}d", return_type=str)]
"""A positive whole number of days, written ``90d``."""

Name = Annotated[str, BeforeValidator(lambda value: _check_name(value))]
"""A name that is part of object keys: lower-case letters, digits, ``-`` and ``_``, at most 64."""


def _check_name(value: object) -> object:
    if isinstance(value, str) and re.fullmatch("[a-z0-9][a-z0-9_-]{0,63}", value):
        return value
    raise ValueError("a name of at most 64 lower-case letters, digits, - and _, starting with a letter or digit")

"""Where a field of an observation comes from: a column, a constant or the file's name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BeforeValidator, Field, model_validator

from resift.model.document import Document

State = Literal["public", "private", "deleted"]
CarriedType = Literal["string", "int64", "float64", "bool", "timestamp"]

Path = tuple[str | int, ...]
"""Steps from a row to a value: names of keys, and positions in lists."""

_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


def parse_path(text: str) -> Path:
    """Read ``contributors[0].id`` as the steps ``("contributors", 0, "id")``.

    Raises:
        ValueError: The text is not a path.
    """
    at, steps = 0, list[str | int]()
    while at < len(text):
        match = _STEP.match(text, at)
        if match is None:
            break
        steps.append(int(match[2]) if match[2] is not None else match[1])
        at = match.end()
        if text[at : at + 1] == "." and text[at + 1 : at + 2] not in ("", "["):
            at += 1
    if at < len(text) or not steps or not isinstance(steps[0], str):
        raise ValueError(f"a path such as contributors[0].id instead of {text!r}; write odd names as a list of steps")
    return tuple(steps)


def _column(value: object) -> object:
    if isinstance(value, str) and value:
        return value
    if isinstance(value, list | tuple) and value and isinstance(value[0], str) and all(map(_is_step, value)):
        return tuple(value)
    raise ValueError(
        "the name of a column in quotes, a path such as contributors[0].id, or a list of steps such as [dc.title, 0]"
    )


def _is_step(step: object) -> bool:
    return (isinstance(step, str) and step != "") or (
        isinstance(step, int) and not isinstance(step, bool) and step >= 0
    )


def spell(path: Path) -> str:
    """Return a path as a person writes it."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def _only_text(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("text; YAML reads NO, yes, on and the like as true or false, so put it in quotes")
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, date | datetime):
        return value.isoformat()
    return value


def _regex(value: object) -> object:
    if isinstance(value, str):
        try:
            if re.compile(value).groups <= 1:
                return value
        except re.error as error:
            raise ValueError(f"a regular expression ({error})") from error
    raise ValueError("a regular expression with at most one group, which is then the value")


def _zone(value: object) -> object:
    try:
        ZoneInfo(str(value))
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("the name of a time zone such as UTC or Europe/London") from error
    return value


def _time_format(value: object) -> object:
    if value in EPOCHS or value == "iso" or (isinstance(value, str) and "%" in value):
        return value
    raise ValueError("iso, epoch_s, epoch_ms, epoch_us, or a pattern such as %d/%m/%Y %H:%M")


EPOCHS = {"epoch_s": 1_000_000, "epoch_ms": 1_000, "epoch_us": 1}
"""Microseconds in one unit of a number since 1970-01-01 UTC."""

Text = Annotated[str, BeforeValidator(_only_text)]
"""Text in YAML; a number or a date is taken as it is written, a truth value is refused."""

ColumnName = Annotated[str | Path, BeforeValidator(_column)]


class Lookup(Document):
    """A table that lies beside the drop's files and turns a key into a value."""

    file: Annotated[str, Field(min_length=1, pattern=r"^[^/\\]+$")]
    """Name of a CSV or TSV file with a header, in UTF-8, in the folder of the drop."""

    key: str
    """Its column that holds the keys. A key may occur once, or several times with the same value."""

    value: str
    """Its column that holds the values. An unknown key gives no value."""


class Column(Document):
    """Where one value comes from. One of ``column``, ``constant`` and ``file_name`` is given."""

    column: ColumnName | None = None
    """A column, or in nested data a path such as ``contributors[0].id``. A list is taken step by step as it stands."""

    constant: Text | None = None
    """The same value for every row."""

    file_name: Annotated[str, BeforeValidator(_regex)] | None = None
    """A regular expression that is searched for in the file's name; its group, or all it matches, is the value."""

    optional: bool = False
    """True if the column may be absent from a whole file; its values are then null."""

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return value if isinstance(value, Mapping | Column) else {"column": value}

    @model_validator(mode="after")
    def _one_origin(self) -> Column:
        given = [name for name in ("column", "constant", "file_name") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"exactly one of column, constant and file_name, not {' and '.join(given) or 'none'}")
        if self.optional and self.column is None:
            raise ValueError("optional only beside a column")
        return self


class Mapped(Column):
    """A text field: an origin, and then, in this order, what is done to it. All steps leave null as null."""

    lookup: Lookup | None = None
    """Take the value as a key of this table."""

    last_after: Annotated[str, Field(min_length=1)] | None = None
    """Keep what follows the last of these separators: ``", "`` makes ``Philadelphia, United States`` United States."""

    values: dict[Text, Text] | None = None
    """Replace these values; all others stay as they are."""

    def is_taken_as_it_is(self) -> bool:
        """Say that nothing is looked up, cut or replaced."""
        return self.lookup is None and self.last_after is None and not self.values


class Instant(Column):
    """A field that is an instant."""

    format: Annotated[str, BeforeValidator(_time_format)] = "iso"
    """``iso``, ``epoch_s``, ``epoch_ms``, ``epoch_us``, or a strptime pattern. Typed Parquet columns need none."""

    timezone: Annotated[str, BeforeValidator(_zone)] | None = None
    """Time zone of values that carry none. Without it such values are not readable."""


class StateRule(Column):
    """How a row's state is told. A value that is not in the table cannot be read."""

    values: dict[Text, State] | None = None
    """State of each value of the column; without it the column holds the states themselves."""

    missing: State | None = None
    """State of a row without a value; without it such a row cannot be read."""

    @model_validator(mode="after")
    def _constant_is_state(self) -> StateRule:
        if self.constant is not None and (self.constant not in ("public", "private", "deleted") or self.values):
            raise ValueError("a constant of public, private or deleted, without values")
        return self


class Carried(Instant):
    """A further column that observations carry along. ``format`` and ``timezone`` matter to a timestamp only."""

    type: CarriedType = "string"
    """Its type in the pool. What cannot be read as such sends the row to quarantine."""

    lookup: Lookup | None = None
    """Take the value as a key of this table, for text only: carries what a mapped field was made from."""

    @model_validator(mode="after")
    def _only_text_is_looked_up(self) -> Carried:
        if self.lookup is not None and self.type != "string":
            raise ValueError("lookup only beside type string")
        return self

    @model_validator(mode="after")
    def _only_instants_have_format(self) -> Carried:
        if self.type != "timestamp" and (self.format != "iso" or self.timezone is not None):
            raise ValueError("format and timezone only beside type timestamp")
        return self

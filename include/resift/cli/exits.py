"""Which exit code an error means."""

from __future__ import annotations

from resift.errors import (
    ConfigError,
    DatasetNotFound,
    DropRejected,
    GridError,
    PoolNotFound,
    RefreshRefused,
    RemovalRefused,
    ResiftError,
    SnapshotConflict,
    SnapshotDamaged,
    SnapshotNotFound,
    SnapshotRetired,
    SnapshotWithdrawn,
    VerdictError,
)

DONE, NO, WRONG_USE, UNKNOWN = range(4)

REVISED, WITHDRAWN, RETIRED = 4, 5, 6
"""What `resift check` finds, beyond DONE for a current pin and NO for one whose version was altered."""

_ANSWER_IS_NO = (
    DropRejected,
    RefreshRefused,
    RemovalRefused,
    SnapshotConflict,
    SnapshotDamaged,
    SnapshotRetired,
    SnapshotWithdrawn,
    VerdictError,
)
_WRONG_USE = (ConfigError, GridError, DatasetNotFound, PoolNotFound, SnapshotNotFound)


def exit_code(error: ResiftError) -> int:
    """Return 1 where the answer is no, 2 where resift was asked for the wrong thing, 3 where it could not find out."""
    if isinstance(error, _ANSWER_IS_NO):
        return NO
    if isinstance(error, _WRONG_USE):
        return WRONG_USE
    return UNKNOWN

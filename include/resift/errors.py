"""Every error resift raises, in one tree.

::

    ResiftError
    ├── ConfigError (ValueError)                a dataset, source or policy file is wrong
    ├── GridError (ValueError)                  a date is not a grid point of the dataset
    ├── StorageError (OSError)
    │   ├── KeyNotFound (LookupError)           no object under that key
    │   ├── KeyExists                           create-only write found another object
    │   ├── WriteConflict                       compare-and-swap lost against another writer
    │   └── ConditionalWritesUnsupported        the endpoint ignores write preconditions
    ├── DropRejected (ValueError)               a delivery cannot be read, or has too many bad rows
    ├── PoolError (ValueError)                  the pool is not what the step expected
    │   └── PoolNotFound (LookupError)
    ├── DatasetNotFound (LookupError)
    ├── SnapshotNotFound (LookupError)
    │   ├── SnapshotWithdrawn                   the version should not be used any more
    │   └── SnapshotRetired                     the version ended, and its files are gone
    ├── SnapshotConflict                        the version is published with other content
    ├── FormatNotKnown                          a manifest is of a format this resift does not read
    ├── SnapshotDamaged                         bytes, counts or order differ from the manifest
    ├── RemovalRefused                          what would be removed is not what was agreed to, or may not go yet
    ├── RefreshRefused                          the judge did not let the snapshot pass
    │   └── RefreshHeld                         the breaker, or drift, holds it for a person
    ├── VerdictError (ValueError)               a verdict is missing, foreign or altered
    └── StagingError                            a step found its input missing or changed

Every message says what was found, what was expected and what to do.
"""


class ResiftError(Exception):
    """Anything resift refuses to do, with the reason and the remedy in its message."""


class ConfigError(ResiftError, ValueError):
    """A dataset, source or policy file does not say what it must."""


class GridError(ResiftError, ValueError):
    """A date is not a point of the dataset's refresh grid."""


class StorageError(ResiftError, OSError):
    """The lake could not be read or written."""


class KeyNotFound(StorageError, LookupError):
    """No object lies under the key."""


class KeyExists(StorageError):
    """A create-only write found an object under its key."""


class WriteConflict(StorageError):
    """A compare-and-swap write found another object than it expected."""


class ConditionalWritesUnsupported(StorageError):
    """The endpoint ignores the preconditions of a write, so publishing to it is not safe."""


class DropRejected(ResiftError, ValueError):
    """A delivery cannot be read, or has more bad rows than its source allows."""


class PoolError(ResiftError, ValueError):
    """The pool does not hold what a step needs."""


class PoolNotFound(PoolError, LookupError):
    """No pool of that name lies in the lake."""


class DatasetNotFound(ResiftError, LookupError):
    """No dataset of that name is known."""


class SnapshotNotFound(ResiftError, LookupError):
    """No snapshot is published under that version."""


class SnapshotWithdrawn(SnapshotNotFound):
    """The version was withdrawn: it should not be used any more."""


class SnapshotRetired(SnapshotNotFound):
    """The version was retired: its time was over, and its files are gone."""


class SnapshotConflict(ResiftError):
    """The version is already published, with other content."""


class FormatNotKnown(ResiftError):
    """A manifest is written in a format that this version of resift does not read."""


class SnapshotDamaged(ResiftError):
    """Bytes, counts or order of a snapshot differ from its manifest."""


class RemovalRefused(ResiftError):
    """What would be removed is not what was agreed to, or is still promised to stay."""


class RefreshRefused(ResiftError):
    """The judge found the staged snapshot wrong, so it was not published."""


class RefreshHeld(RefreshRefused):
    """Members left in a jump, or the sample drifted, and only a person can explain it, so nothing was published."""


class VerdictError(ResiftError, ValueError):
    """A verdict is missing, belongs to another refresh, or was altered."""


class StagingError(ResiftError):
    """A step found what an earlier step staged missing or changed."""

"""resift: a rolling, validated random sample of a public image pool."""

__version__ = "0.1.0"

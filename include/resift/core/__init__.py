"""Functions that decide: tables and numbers in, tables and numbers out; no I/O, no clock."""

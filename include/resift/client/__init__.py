"""For those who read snapshots: find, show, compare, verify."""

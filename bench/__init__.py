"""Measures resift against what else could do the same work, on the same machine in the same run."""

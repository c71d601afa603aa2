"""One file per task of the DAGs: read, decide, write, hand on a receipt."""

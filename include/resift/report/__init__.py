"""The page a snapshot is looked at by: pure functions from its manifest and verdict to HTML and SVG."""

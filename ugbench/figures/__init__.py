"""A figure a file: every public module of this package defines TITLE and draw()."""

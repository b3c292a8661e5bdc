"""One figure per file: every public module of this package defines TITLE and draw(context)."""

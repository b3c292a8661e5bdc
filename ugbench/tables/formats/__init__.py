"""A table as text: terminal, Markdown, LaTeX, CSV, JSON and HTML."""

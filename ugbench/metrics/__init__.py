"""A metric a file: every public module of this package defines one METRIC (see ugbench.metric)."""

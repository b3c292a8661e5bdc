"""One metric per file: each public module of this package defines one METRIC (see ugbench.metric).

Importing a metric must stay fast, because tables read titles and scales from it. So each metric imports torch, scipy
and the shared modules with an underscore inside `compute`.
"""

"""The voting page: a local web server on which raters vote."""

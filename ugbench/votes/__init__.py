"""The user study: a local page on which raters choose among methods' outputs without knowing whose they are."""

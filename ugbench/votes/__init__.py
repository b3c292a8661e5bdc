"""The user study: raters choose among the outputs of several methods without knowing which method made which."""

"""The feature extractors that are shipped, one file for each; see `ugbench.extractor`."""

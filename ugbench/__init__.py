"""Train, translate with, score and compare unpaired image-to-image translators."""

__version__ = "0.1.0"

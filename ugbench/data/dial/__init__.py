"""The dial: a drawn data set whose true translation is known."""

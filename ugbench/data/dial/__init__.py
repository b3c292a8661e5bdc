"""The dial: a drawn data set for which the true translation of each test image is known."""

"""From what a user downloaded to a data set in the data root."""

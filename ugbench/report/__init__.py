"""The report: one HTML page with the scores, images, training curves and configs of a results folder."""

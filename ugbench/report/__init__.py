"""One HTML page of everything under a results folder: scores, images, training curves, configs."""

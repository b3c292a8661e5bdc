"""Where images come from: image files, data sets, the dial, and the batches that training sees."""

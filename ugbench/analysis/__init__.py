"""What do scores say? Differences, comparisons, checkpoint selection, nearest training images."""

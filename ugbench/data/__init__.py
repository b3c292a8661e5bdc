"""Image files, folders, the dial, and the batches that training sees."""

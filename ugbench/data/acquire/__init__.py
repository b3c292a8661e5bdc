"""How a download, an archive or a folder, becomes a data set in the data root."""

"""Studies: grids of runs, which of these are done, and the training of the others."""

"""Studies: declared grids of runs, what of them is done, and their training."""

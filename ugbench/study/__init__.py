"""Studies: grids of runs, what of them is done, and the training of the rest."""

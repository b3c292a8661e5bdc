"""How a run becomes a file for other programs."""

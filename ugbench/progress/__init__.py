"""How the progress of long work is shown: on a terminal, in a notebook, or as lines."""

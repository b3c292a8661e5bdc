"""How checkpoints and outputs from elsewhere become runs."""

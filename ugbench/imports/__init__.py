"""Published checkpoints, and other tools' outputs, become runs."""

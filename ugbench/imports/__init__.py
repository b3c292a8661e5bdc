"""What comes from outside becomes a run: published checkpoints, and the outputs of other tools."""

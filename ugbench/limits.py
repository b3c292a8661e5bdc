"""The largest numbers that the config of a run may hold; this module imports nothing, as options use it."""

MOST_STEPS = 10**12
LARGEST_SEED = 1 << 63

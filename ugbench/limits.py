"""The largest numbers that the config of a run may hold. Options use them, so this module imports nothing."""

MOST_STEPS = 10**12
LARGEST_SEED = 1 << 63

"""Where is a run stored? Every path of a run's folder, and what reads and writes it."""

"""What methods share: padding, norms, spectral norm, initial weights, losses, image pool, schedules."""

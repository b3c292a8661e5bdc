"""What methods share: padding, norms, blurs, spectral norm, initial weights, losses, patches, image pool, schedules."""

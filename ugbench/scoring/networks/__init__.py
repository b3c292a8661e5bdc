"""The networks that scores come from: feature extractors, perceptual and structure distances, and their weights."""

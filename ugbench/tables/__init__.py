"""Score records as tables."""

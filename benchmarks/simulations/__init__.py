"""Simulations behind the statistics pages: each a script that writes its figures to docs/reference."""

"""The local page on which people vote."""

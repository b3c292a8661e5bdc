"""Score records as tables: `build` makes a `model.Table`, `columns` adds to it, `formats` writes it."""

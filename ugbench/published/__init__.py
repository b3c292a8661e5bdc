"""Published numbers as data: a JSON file for each table, with its source. `tables.py` reads them.

A number is added only after someone has read it in its source. The tables of the U-GAT-IT paper are here, and one
measurement of its released model by somebody else (`remeasured`). Other papers measured U-GAT-IT again, NICE-GAN and
CUT among them; their tables could not be read when this was written. To add such a table, add a JSON file to this
folder; no code is needed.
"""

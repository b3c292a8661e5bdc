"""Published numbers as data: a JSON file a table, each with its source. `tables.published` reads them.

A number enters only after someone has read it in its source. The tables of the U-GAT-IT paper are here, and one
measurement of its released model by somebody else (`remeasured`). Papers that measured U-GAT-IT again (NICE-GAN and
CUT among others) are not: their tables could not be read when this was written. Such a table is one more JSON file
beside these, with no line of code.
"""

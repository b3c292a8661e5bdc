"""Published numbers as data: a JSON file for each publication, with its source. `tables.py` reads them.

A number is added only after someone has read it in its source. Here are the tables of the U-GAT-IT paper, one
measurement of its released model by somebody else (`remeasured`), and the FIDs in the README files of clean-fid and of
mmgeneration. To add a publication, add a JSON file to this folder; no code is needed.
"""

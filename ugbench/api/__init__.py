"""The Python API, a file for each subject. `ugbench/__init__.py` names what users import."""

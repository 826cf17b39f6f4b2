"""The HTML report of a run (``--report``): one self-contained file with tables and charts."""

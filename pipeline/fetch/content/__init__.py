"""The content of a response: its records, its totals and its signs of paging."""

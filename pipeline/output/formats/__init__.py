"""The formats of the file of products."""

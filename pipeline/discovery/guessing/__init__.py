"""Guess the paths of the fields of a product from a few records."""

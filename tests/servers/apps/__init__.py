"""Applications as the documentation of each framework sets them up."""

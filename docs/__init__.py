"""Makes those parts of the documents that the program knows best: ``just docs``."""

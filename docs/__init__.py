"""Generate the parts of the documents that derive from the program: ``just docs``."""

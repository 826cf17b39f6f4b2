"""Second stage: turn pages of raw records into products and rejects, in worker threads."""

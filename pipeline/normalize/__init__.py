"""Second stage: worker threads turn pages of raw records into products and rejects."""

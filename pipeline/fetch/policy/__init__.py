"""Rate limiting, retries and circuit breaking. Policies know the clock, but no HTTP and no configuration."""

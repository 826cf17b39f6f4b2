"""Rate, retries and circuit breaking: a clock, no HTTP."""

"""Which page is next."""

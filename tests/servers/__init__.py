"""Real servers for `just test-servers`, their catalogue, and the helper that starts them."""

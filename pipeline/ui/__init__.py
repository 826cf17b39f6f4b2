"""What a person sees while the program runs: log lines, bars and the closing table."""

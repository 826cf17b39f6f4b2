"""Terminal output while a run is under way: log lines, progress bars and the closing table."""

"""Inspect APIs by their first pages: the commands `init`, `preview` and `check`."""

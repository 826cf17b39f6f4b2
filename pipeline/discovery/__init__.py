"""Looks at APIs instead of walking them: one page of each."""

"""What a run looks like: the report in HTML."""

"""Paging: the next page to request, and the end of a walk."""

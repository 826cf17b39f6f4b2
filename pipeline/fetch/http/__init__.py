"""The HTTP client, and the only package that imports httpx."""

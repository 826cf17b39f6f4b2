"""Data types that the stages share: pages, products, summary, status, statistics."""

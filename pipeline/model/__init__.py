"""The nouns that cross rooms: pages, products, summary, status, statistics."""

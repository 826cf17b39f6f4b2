"""Feeds: a single response as a stream of records, in CSV, TSV, XML or JSON Lines."""

"""The configuration: its sections, its layers, and the endpoints that result from it."""

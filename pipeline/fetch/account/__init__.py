"""The record of what happened at an endpoint: outcomes, time spent and traffic."""

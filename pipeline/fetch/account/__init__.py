"""What happened: the account of an endpoint."""

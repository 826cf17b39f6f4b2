"""Mock product APIs over HTTP, plain or in the shape of well-known shops, with faults on demand."""

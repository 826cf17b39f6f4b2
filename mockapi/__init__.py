"""Mock product APIs: three personas over HTTP, with faults on demand."""

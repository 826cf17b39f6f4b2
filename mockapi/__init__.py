"""Mock product APIs over HTTP: plain ones, and shops in the shape of well-known APIs; with faults on demand."""

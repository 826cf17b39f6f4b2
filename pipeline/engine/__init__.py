"""Walk quota groups in other processes or on a Dask cluster, a slice of time after the other."""

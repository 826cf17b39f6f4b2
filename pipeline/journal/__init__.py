"""The journal of an unfinished run: what has arrived, on disk, for this run and one that resumes it."""

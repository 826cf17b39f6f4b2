"""First stage: one fetcher per endpoint, polite and patient, sends pages of raw records."""

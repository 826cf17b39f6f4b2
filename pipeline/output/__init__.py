"""Third stage: write normalized pages to the journal, then combine them into the summary and the other files."""

"""Third stage: adds up what arrived and writes the summary."""

"""From images to score records: extractors, protocols, records, and what `ugbench eval` does."""

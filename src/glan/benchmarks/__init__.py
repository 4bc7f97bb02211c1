"""The benchmarks of a project: what its pairs are held against; read from files, and fetched on request only."""

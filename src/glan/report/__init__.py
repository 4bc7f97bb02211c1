"""The report: what a data set is, in one HTML page that opens from disk and needs nothing else."""

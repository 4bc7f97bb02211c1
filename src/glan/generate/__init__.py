"""One module for each stage of a pair, in the order of the paper. They know records and a teacher, nothing else."""

"""Teachers, and what stands between them and the pipeline. Foreign exceptions stop here."""

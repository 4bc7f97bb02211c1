"""The task group `glan` of lm-evaluation-harness: `suite.toml`, a YAML file a task, the shots, and their functions."""

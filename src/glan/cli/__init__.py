"""The commands: arguments in, exit code out. The only place that prints."""

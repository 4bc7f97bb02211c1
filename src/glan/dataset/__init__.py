"""Rows, shards, cards and exports: what a run leaves for others to read."""

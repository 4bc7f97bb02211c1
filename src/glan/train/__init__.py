"""Tuning a student on pairs. Only `sft.py` imports torch, and only when it is called."""

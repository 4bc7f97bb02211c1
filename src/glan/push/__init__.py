"""Putting a finished data set on the Hugging Face hub: what goes up, what must not, and in which one step."""

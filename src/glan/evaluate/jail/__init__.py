"""The inside of the sandbox: a program of its own, which a fresh interpreter runs with the standard library alone."""

"""A data set in the browser, on this machine: the tree, the rows, their prompts and replies, and a run that goes on.

It reads and changes nothing but its own index.
"""

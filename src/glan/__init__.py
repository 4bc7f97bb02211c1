"""Instruction-tuning data from a taxonomy of human knowledge, with a language model as the teacher.

The names here are the public Python interface; each is loaded when it is first used.
"""

__version__ = "0.1.0"

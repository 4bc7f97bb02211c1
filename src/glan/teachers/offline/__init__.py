"""The textbook: a teacher without a model, for trying and testing."""

from glan.teachers.offline.teacher import MODEL, Textbook

__all__ = ["MODEL", "Textbook"]

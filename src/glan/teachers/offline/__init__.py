"""The textbook: a teacher without a model, for trying and testing."""

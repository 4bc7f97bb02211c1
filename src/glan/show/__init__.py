"""What people are shown outside a terminal: forms that open from disk."""

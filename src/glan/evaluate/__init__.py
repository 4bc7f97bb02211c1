"""Examining a student. What imports torch does so only when it is called."""

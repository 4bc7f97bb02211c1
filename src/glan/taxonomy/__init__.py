"""The tree of fields and disciplines: read, checked, shown, edited."""

"""A request arrives and becomes domain values."""

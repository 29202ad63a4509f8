"""The order gate's use cases and its configuration."""

"""The world: one folder a technology."""

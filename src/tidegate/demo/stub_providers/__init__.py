"""Stand-ins for outside data providers, with the wire shapes of the real ones and faults on demand."""

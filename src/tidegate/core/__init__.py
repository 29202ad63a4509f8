"""The decision: pure, synchronous, standard library only."""

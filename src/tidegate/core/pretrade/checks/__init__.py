"""One check a file: a pure function of the order and the snapshot."""

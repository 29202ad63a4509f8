"""What use cases need from the world: one Protocol a file, with its failure contract."""

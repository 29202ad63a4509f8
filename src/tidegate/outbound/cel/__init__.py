"""The Common Expression Language: cel-cpp, handed to the rule language by bootstrap (docs/decisions/0016-cel.md)."""

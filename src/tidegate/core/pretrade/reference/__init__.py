"""The naive implementations that stay as the oracle of the fast ones."""

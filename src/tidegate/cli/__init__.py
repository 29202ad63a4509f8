"""The tidegate command; stands above bootstrap."""

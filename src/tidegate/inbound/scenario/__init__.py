"""The file way in: a scenario file becomes domain values."""

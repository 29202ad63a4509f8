"""Generated from protos/ by tools/protos.py; not edited."""

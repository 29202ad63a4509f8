"""The only place that knows both sides: opens what settings choose, wires it together, closes it in order."""

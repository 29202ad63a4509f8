"""The order gate's domain: order, instrument, account, margin, exposure, decide."""

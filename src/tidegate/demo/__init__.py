"""The demo's market, traders and tiny issuer; imported by the command line only."""

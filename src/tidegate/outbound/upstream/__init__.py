"""Wallet, Position and Metadata over gRPC: what they own, asked where their events are not enough."""

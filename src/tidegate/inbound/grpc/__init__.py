"""The gRPC way in: servicers for protos/risk/v1."""

"""What REST and gRPC share: the fault table and the token guard."""

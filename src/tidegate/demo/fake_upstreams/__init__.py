"""Stand-ins for the upstream services Wallet, Position and Metadata: real gRPC, a small book, faults on demand."""

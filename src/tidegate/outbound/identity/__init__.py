"""Token verification against an issuer's published keys."""

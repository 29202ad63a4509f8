"""Values, identities, audit records and chain, errors: what every context shares."""

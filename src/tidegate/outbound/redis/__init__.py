"""The account book that many processes share, and what else they share while it lasts, in Redis (or a cluster)."""

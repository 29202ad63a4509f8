"""Kafka: events in and out on real topics, shared by all replicas."""

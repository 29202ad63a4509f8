"""The schema registry, spoken to as Confluent's."""

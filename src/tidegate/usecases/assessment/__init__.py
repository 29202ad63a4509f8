"""The assessment desk's use cases: evaluate, keep its configuration, look back."""

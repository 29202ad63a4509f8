"""Outside data providers over HTTP: one runtime that protects the desk, an adapter a provider that translates."""

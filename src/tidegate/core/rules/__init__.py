"""The rule language both contexts share: parse, type-check, compile, evaluate, explain."""

"""The event way in: one processor a topic."""

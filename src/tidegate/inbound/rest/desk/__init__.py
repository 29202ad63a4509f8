"""The assessment desk over REST, a file an area."""

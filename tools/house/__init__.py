"""House rules as code: one module a concern, each a list of pure functions from files to offences."""

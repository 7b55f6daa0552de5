"""The load of `make soak`, and the counts of what came of it."""

"""The command line: the composition root of everything a person types."""

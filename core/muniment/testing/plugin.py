"""Fixtures for the tests of a plugin; loaded by pytest through the entry point."""

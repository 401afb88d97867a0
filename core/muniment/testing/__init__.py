"""What plugin authors test with: a pytest plugin and the conformance kit."""

"""A test policy: three bodies jointly responsible, three bases for one thing, and failed applications kept longest."""

from muniment.api.plugin import CouncilPlugin

__all__ = ["plugin"]

plugin = CouncilPlugin(__name__)

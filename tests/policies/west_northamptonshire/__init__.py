"""A test policy: one programme over several areas, each with a joint controller of its own."""

from muniment.api.plugin import CouncilPlugin

__all__ = ["plugin"]

plugin = CouncilPlugin(__name__)

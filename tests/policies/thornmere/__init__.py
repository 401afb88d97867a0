"""A test policy, all of it generated: there is no such council. Its rows are those that other schedules may bring."""

from muniment.api.plugin import CouncilPlugin

__all__ = ["plugin"]

plugin = CouncilPlugin(__name__)

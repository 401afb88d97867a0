"""A test policy, all of it generated: no such council exists. Rows as other councils' schedules state them, and harder."""

from muniment.api.plugin import CouncilPlugin

__all__ = ["plugin"]

plugin = CouncilPlugin(__name__)

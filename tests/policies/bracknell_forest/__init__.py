"""A test policy: a schedule by team and class, with an authority for most rows."""

from muniment.api.plugin import CouncilPlugin

__all__ = ["plugin"]

plugin = CouncilPlugin(__name__)

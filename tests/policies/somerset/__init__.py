"""A test policy: seven parties with a role for each set of data, and a registration number for most."""

from muniment.api.plugin import CouncilPlugin

__all__ = ["plugin"]

plugin = CouncilPlugin(__name__)

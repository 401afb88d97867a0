"""A test policy: a recipient's own retention rule in the council's notice, and a period without a first day."""

from muniment.api.plugin import CouncilPlugin

__all__ = ["plugin"]

plugin = CouncilPlugin(__name__)

"""A test policy: one notice in two languages, under two funders, with other contact details in each language."""

from muniment.api.plugin import CouncilPlugin

__all__ = ["plugin"]

plugin = CouncilPlugin(__name__)

"""A test policy: footage kept about so long, in two units, and given to the media when the police say so."""

from muniment.api.plugin import CouncilPlugin

__all__ = ["plugin"]

plugin = CouncilPlugin(__name__)

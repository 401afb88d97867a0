"""A test policy: an age limit that depends on special needs, an archive stage, a deletion stage and an extension."""

from muniment.api.plugin import CouncilPlugin

__all__ = ["plugin"]

plugin = CouncilPlugin(__name__)

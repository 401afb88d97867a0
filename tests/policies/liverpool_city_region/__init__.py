"""A test policy: the same data in two forms with two clocks, a repeated review, and a contractor as holder."""

from muniment.api.plugin import CouncilPlugin

__all__ = ["plugin"]

plugin = CouncilPlugin(__name__)

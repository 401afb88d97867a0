"""A test policy: a schedule of fourteen rows whose anchors are births, deaths, orders and approvals."""

from muniment.api.plugin import CouncilPlugin

__all__ = ["plugin"]

plugin = CouncilPlugin(__name__)

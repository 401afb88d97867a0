"""A test policy: two schedules, whose anchors are births, deaths, orders, approvals, terms of office and bans."""

from muniment.api.plugin import CouncilPlugin

__all__ = ["plugin"]

plugin = CouncilPlugin(__name__)

"""Retention over the API and on the console: why, what would go, approving it, holding it back, what went."""

from __future__ import annotations

from muniment.accounts.permissions import Permission
from muniment.retention.web.approving import approval_pages, approval_routes
from muniment.retention.web.archive import archive_pages, archive_routes
from muniment.retention.web.certificates import certificate_pages, certificate_routes
from muniment.retention.web.destructions import destruction_pages, destruction_routes
from muniment.retention.web.files import file_pages, file_routes
from muniment.retention.web.forecast import forecast_pages, forecast_routes
from muniment.retention.web.holds import hold_routes
from muniment.retention.web.lists import list_pages, list_routes
from muniment.retention.web.outcomes import outcome_pages, outcome_routes
from muniment.retention.web.review import review_pages, review_routes
from muniment.retention.web.statistics import statistics_pages, statistics_routes
from muniment.retention.web.sweeps import retention_section, sweep_routes
from muniment.retention.web.unfounded import unfounded_routes
from muniment.web.pages import MenuEntry

__all__ = ["api_routes", "menu", "pages", "retention_section"]

menu = [
    MenuEntry("retention", "Rules", Permission.READ_RETENTION),
    MenuEntry("retention/forecast", "Forecast", Permission.READ_RETENTION),
    MenuEntry("review", "Review", Permission.READ_RETENTION),
    MenuEntry("holds", "Holds", Permission.READ_RETENTION),
    MenuEntry("sweeps", "Sweeps", Permission.READ_RETENTION),
    MenuEntry("destructions", "Destructions", Permission.READ_RETENTION),
    MenuEntry("archive", "Archive", Permission.READ_RETENTION),
    MenuEntry("certificates", "Certificates", Permission.READ_RETENTION),
    MenuEntry("statistics", "Statistics", Permission.READ_RETENTION),
]

api_routes = [
    *approval_routes,
    *sweep_routes,
    *hold_routes,
    *list_routes,
    *certificate_routes,
    *destruction_routes,
    *outcome_routes,
    *file_routes,
    *review_routes,
    *forecast_routes,
    *statistics_routes,
    *archive_routes,
    *unfounded_routes,
]
pages = [
    *approval_pages,
    *list_pages,
    *certificate_pages,
    *destruction_pages,
    *outcome_pages,
    *file_pages,
    *review_pages,
    *forecast_pages,
    *statistics_pages,
    *archive_pages,
]

"""Core's own plugin, loaded before every other: what holds for every council, as data.

It imports `muniment.api` alone, as every plugin must. `platform/retention.toml` declares the record classes and periods
of core's own tables; `law.toml` what the law asks of a policy and of a notice, with the days it is in force.
"""

from __future__ import annotations

from importlib import resources

from muniment.api.decoding import decode_toml
from muniment.api.markers import hookimpl
from muniment.api.plugin import API_VERSION
from muniment.api.retention import RetentionDeclarations

__all__ = ["PLATFORM_SERVICE", "DefaultsPlugin"]

PLATFORM_SERVICE = "platform"
"""What stands for the service when core's own tables are asked about."""


class DefaultsPlugin:
    """Declares what core itself keeps."""

    api_version = API_VERSION

    @hookimpl
    def retention_rules(self, service: str) -> RetentionDeclarations | None:
        """`platform/retention.toml`, for core's own tables."""
        if service != PLATFORM_SERVICE:
            return None
        path = "platform/retention.toml"
        content = resources.files("muniment.defaults").joinpath(*path.split("/")).read_bytes()
        return decode_toml(content, RetentionDeclarations, file=f"muniment.defaults/{path}")

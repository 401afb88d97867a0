"""A council's plugin made of structs, for tests that need a policy and no files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from muniment.api.clients import ClientDeclarations
from muniment.api.consent import PurposeDeclarations
from muniment.api.council import Council, Party, Service
from muniment.api.markers import hookimpl
from muniment.api.notices import NoticeDeclarations
from muniment.api.plugin import API_VERSION
from muniment.api.retention import RetentionDeclarations
from muniment.api.sharing import RecipientDeclarations
from muniment.plugins.manager import Plugins, PluginSource, load_plugins

__all__ = ["Declared", "StatedPlugin", "load_doubles", "stated_council"]

T = TypeVar("T", bound=msgspec.Struct)


class Declared(msgspec.Struct, frozen=True, kw_only=True):
    """What one service declares; what is left out declares nothing."""

    clients: ClientDeclarations = ClientDeclarations()
    purposes: PurposeDeclarations = PurposeDeclarations()
    recipients: RecipientDeclarations = RecipientDeclarations()
    retention: RetentionDeclarations = RetentionDeclarations()
    notices: NoticeDeclarations = NoticeDeclarations()


class StatedPlugin:
    """A plugin that says what it is given. Subclass it to judge or observe, or to fail on purpose."""

    api_version = API_VERSION

    def __init__(self, council: Council | None, services: Mapping[str, Declared] | None = None) -> None:
        self.stated, self.services = council, dict(services or {})

    @hookimpl
    def council(self) -> Council | None:
        """The council it was given."""
        return self.stated

    @hookimpl
    def client_categories(self, service: str) -> ClientDeclarations | None:
        """Of the service it was given."""
        return self.services[service].clients if service in self.services else None

    @hookimpl
    def consent_purposes(self, service: str) -> PurposeDeclarations | None:
        """Of the service it was given."""
        return self.services[service].purposes if service in self.services else None

    @hookimpl
    def sharing_recipients(self, service: str) -> RecipientDeclarations | None:
        """Of the service it was given."""
        return self.services[service].recipients if service in self.services else None

    @hookimpl
    def retention_rules(self, service: str) -> RetentionDeclarations | None:
        """Of the service it was given."""
        return self.services[service].retention if service in self.services else None

    @hookimpl
    def privacy_notices(self, service: str) -> NoticeDeclarations | None:
        """Of the service it was given."""
        return self.services[service].notices if service in self.services else None


def stated_council(
    slug: str, *services: str, uses: tuple[str, ...] = (), languages: tuple[str, ...] = ("en",)
) -> Council:
    """A generated council with services of those slugs."""
    name = f"Generated council {slug}"
    return Council(
        slug=slug,
        name=name,
        nation="england",
        own_party="the-council",
        languages=languages,
        uses=uses,
        parties=(Party(id="the-council", name=name),),
        services=tuple(
            Service(slug=service, title=f"Generated service {service}", folder=service) for service in services
        ),
    )


def load_doubles(plugins: Mapping[str, object]) -> Plugins:
    """Load plugins under the distribution names given, as if nothing else were installed.

    A `StatedPlugin` with a council has its slug as the name of the entry point; others have the distribution's.
    """
    return load_plugins(
        PluginSource(_entry_point(plugin) or distribution, distribution, "0", "muniment.testing", plugin)
        for distribution, plugin in plugins.items()
    )


def _entry_point(plugin: object) -> str | None:
    stated = getattr(plugin, "stated", None)
    return stated.slug if isinstance(stated, Council) else None

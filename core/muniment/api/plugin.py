"""Plugins as data: a package of TOML files that answers the hooks.

    plugin = CouncilPlugin(__name__)

is all the code most councils need. A plugin that must judge or observe subclasses and adds hook implementations.
"""

from __future__ import annotations

from importlib import resources
from typing import TypeVar

import msgspec

from muniment.api.clients import ClientDeclarations, ImportDeclarations
from muniment.api.consent import PurposeDeclarations
from muniment.api.council import Council
from muniment.api.decoding import decode_toml
from muniment.api.errors import DeclarationError
from muniment.api.markers import hookimpl
from muniment.api.notices import NoticeDeclarations, TemplateFolder
from muniment.api.retention import RetentionDeclarations
from muniment.api.sharing import RecipientDeclarations

__all__ = ["API_VERSION", "CouncilPlugin", "WordsPlugin"]

API_VERSION = 1
"""The major version of the hooks; a plugin made for another one stops start-up."""

T = TypeVar("T")


class WordsPlugin:
    """A plugin of templates: the words of the documents that people read."""

    api_version = API_VERSION

    def __init__(self, package: str, folder: str = "templates") -> None:
        self.package, self._folder = package, folder

    @hookimpl
    def notice_templates(self) -> TemplateFolder | None:
        """The folder of templates, where the package has one."""
        if (resources.files(self.package) / self._folder).is_dir():
            return TemplateFolder(self.package, self._folder)
        return None


class CouncilPlugin(WordsPlugin):
    """A council declared in `council.toml` and one folder a service.

    Files are read at each call, so that `policy check` sees what is on disk; an absent file declares nothing.
    Raises `DeclarationError` from any hook when a file does not load.
    """

    def _load(self, path: str, as_type: type[T]) -> T | None:
        file = resources.files(self.package).joinpath(*path.split("/"))
        if not file.is_file():
            return None
        return decode_toml(file.read_bytes(), as_type, file=f"{self.package}/{path}")

    def _of_service(self, service: str, name: str, as_type: type[T]) -> T | None:
        folder = next((entry.folder for entry in self.council().services if entry.slug == service), None)
        return None if folder is None else self._load(f"{folder}/{name}", as_type)

    @hookimpl
    def council(self) -> Council:
        """`council.toml`."""
        loaded = self._load("council.toml", Council)
        if loaded is None:
            raise DeclarationError("there is no such file; it names the council", file=f"{self.package}/council.toml")
        return loaded

    @hookimpl
    def client_categories(self, service: str) -> ClientDeclarations | None:
        """`categories.toml` of the service, joined with `imports.toml`.

        Import formats have a file of their own because they are facts of the deployment, not of the council's notice.
        """
        held = self._of_service(service, "categories.toml", ClientDeclarations)
        taken_in = self._of_service(service, "imports.toml", ImportDeclarations)
        if held is None or taken_in is None:
            return held or (ClientDeclarations(imports=taken_in.imports) if taken_in else None)
        return msgspec.structs.replace(held, imports=held.imports + taken_in.imports)

    @hookimpl
    def consent_purposes(self, service: str) -> PurposeDeclarations | None:
        """`purposes.toml` of the service."""
        return self._of_service(service, "purposes.toml", PurposeDeclarations)

    @hookimpl
    def sharing_recipients(self, service: str) -> RecipientDeclarations | None:
        """`recipients.toml` of the service."""
        return self._of_service(service, "recipients.toml", RecipientDeclarations)

    @hookimpl
    def retention_rules(self, service: str) -> RetentionDeclarations | None:
        """`retention.toml` of the service."""
        return self._of_service(service, "retention.toml", RetentionDeclarations)

    @hookimpl
    def privacy_notices(self, service: str) -> NoticeDeclarations | None:
        """`notice.toml` of the service."""
        return self._of_service(service, "notice.toml", NoticeDeclarations)

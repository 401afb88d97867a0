"""The typed way to a council's plugins, and the only place that calls a hook.

A facade asks core's defaults, the plugins that the council uses, and the council's own plugin, in that order and nobody
else. It passes every argument, keeps which plugin said what, and never lets one plugin's failure be another's: a file
that does not load is an answer of its own, any other exception is a `PluginError` naming plugin and hook.

Where the council's own plugin could not even say which council it is, the council is out of service: its plugin counts
as missing, so that nothing is adopted, taken in or disposed of; what is stored stays readable.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

import msgspec
import pluggy

from muniment.api.clients import ClientDeclarations, ProposedValues, RegisteredClient
from muniment.api.connectors import Erasure, ErasureRequest
from muniment.api.consent import ConsentAct, PurposeDeclarations
from muniment.api.council import Council
from muniment.api.errors import DeclarationError, PluginError
from muniment.api.notices import NoticeDeclarations, PublishedNotice, TemplateFolder
from muniment.api.retention import DisposedRecords, HeldQuestion, RetentionDeclarations
from muniment.api.sharing import DisclosureMade, ProposedDisclosure, RecipientDeclarations
from muniment.plugins.connectors import ConnectorFailed, ask_erasures, ask_still_there
from muniment.plugins.judges import Held, Judge, Refused, ask_holds, ask_refusals
from muniment.plugins.observers import tell
from muniment.plugins.sources import PluginSource

__all__ = ["Answers", "CouncilFacade", "Said"]

T = TypeVar("T")


@dataclass(frozen=True)
class Said(Generic[T]):
    """What one plugin said; `plugin` is its distribution."""

    plugin: str
    value: T


@dataclass(frozen=True)
class Answers(Generic[T]):
    """What all plugins asked said, in the order asked, and the declarations among them that do not load."""

    said: tuple[Said[T], ...]
    errors: tuple[Said[DeclarationError], ...] = ()


class CouncilFacade:
    """One council's plugins. Made by `Plugins.facade`."""

    def __init__(
        self,
        manager: pluggy.PluginManager,
        sources: Mapping[str, PluginSource],
        slug: str,
        own: str,
        uses: Sequence[str] | None,
        broken: str | None = None,
    ) -> None:
        self._manager, self._sources, self._uses, self._broken = manager, sources, uses, broken
        self.slug = slug
        self.own = own
        """The distribution of the council's own plugin."""

    def using(self, uses: Sequence[str]) -> CouncilFacade:
        """The facade of the same council that asks these distributions besides its own."""
        return CouncilFacade(self._manager, self._sources, self.slug, self.own, uses, self._broken)

    @property
    def asked(self) -> tuple[PluginSource, ...]:
        """The plugins that this facade asks, in order: defaults, what is used, the council's own."""
        names = ["muniment", *(name for name in self._used() if name in self._sources), self.own]
        return tuple(self._sources[name] for name in dict.fromkeys(names))

    @property
    def missing(self) -> tuple[str, ...]:
        """Distributions that the council uses and that are not installed; its own, while it is out of service."""
        out_of_service = () if self._broken is None else (self.own,)
        return (*out_of_service, *(name for name in self._used() if name not in self._sources))

    # Declaring

    def council(self) -> Council:
        """`council.toml`. Raises `DeclarationError`, and `PluginError` while the council is out of service."""
        if self._broken is not None:
            raise PluginError(self.own, "council", self._broken)
        answers = self._declare("council", Council, only=self.own)
        if answers.errors:
            raise answers.errors[0].value
        if not answers.said:
            raise PluginError(self.own, "council", "it declared a council when it was loaded and declares none now")
        return answers.said[0].value

    def client_categories(self, service: str) -> Answers[ClientDeclarations]:
        """What is held about people in a service."""
        return self._declare("client_categories", ClientDeclarations, service=service)

    def consent_purposes(self, service: str) -> Answers[PurposeDeclarations]:
        """Why a service uses data."""
        return self._declare("consent_purposes", PurposeDeclarations, service=service)

    def sharing_recipients(self, service: str) -> Answers[RecipientDeclarations]:
        """Who may receive data of a service."""
        return self._declare("sharing_recipients", RecipientDeclarations, service=service)

    def retention_rules(self, service: str) -> Answers[RetentionDeclarations]:
        """How long a service keeps data; `platform` for core's own tables."""
        return self._declare("retention_rules", RetentionDeclarations, service=service)

    def privacy_notices(self, service: str) -> Answers[NoticeDeclarations]:
        """The notices of a service."""
        return self._declare("privacy_notices", NoticeDeclarations, service=service)

    def notice_templates(self) -> tuple[Said[TemplateFolder], ...]:
        """Folders of templates in the order they are searched: the council's own first. Raises `PluginError`."""
        answers = self._declare("notice_templates", TemplateFolder)
        for problem in answers.errors:
            raise PluginError(problem.plugin, "notice_templates", problem.value.message)
        return tuple(reversed(answers.said))

    # Judging

    def client_validate(self, proposed: Sequence[ProposedValues]) -> tuple[Refused, ...]:
        """Every plugin's refusals of values about to be stored; a judge that fails refuses the whole batch."""
        judges = self._judges("client_validate", proposed=proposed)
        return ask_refusals(judges, [entry.item for entry in proposed], self.missing)

    @property
    def judges_values(self) -> bool:
        """Whether anybody would answer `client_validate`; a plugin that is missing does, by refusing everything."""
        return bool(self.missing) or any(True for _ in self._implementations("client_validate"))

    @property
    def judges_holds(self) -> bool:
        """Whether anybody would answer `retention_hold`; a plugin that is missing does, by holding everything."""
        return bool(self.missing) or any(True for _ in self._implementations("retention_hold"))

    def retention_hold(self, questions: Sequence[HeldQuestion]) -> tuple[Held, ...]:
        """Every plugin's wishes to keep what is due; a judge that fails holds the whole batch."""
        judges = self._judges("retention_hold", questions=questions)
        return ask_holds(judges, [entry.item for entry in questions], self.missing)

    def sharing_refuse(self, proposed: Sequence[ProposedDisclosure]) -> tuple[Refused, ...]:
        """Every plugin's refusals of disclosures; a judge that fails refuses the whole batch."""
        judges = self._judges("sharing_refuse", proposed=proposed)
        return ask_refusals(judges, [entry.item for entry in proposed], self.missing)

    # Observing: after commit

    def client_registered(self, clients: Sequence[RegisteredClient]) -> None:
        """Tell observers of new client files."""
        self._tell("client_registered", clients=clients)

    def consent_given(self, acts: Sequence[ConsentAct]) -> None:
        """Tell observers of consents and permissions given."""
        self._tell("consent_given", acts=acts)

    def consent_withdrawn(self, acts: Sequence[ConsentAct]) -> None:
        """Tell observers of consents and permissions withdrawn."""
        self._tell("consent_withdrawn", acts=acts)

    def notice_published(self, published: Sequence[PublishedNotice]) -> None:
        """Tell observers of published notices."""
        self._tell("notice_published", published=published)

    def record_disposed(self, disposed: Sequence[DisposedRecords]) -> None:
        """Tell observers of disposals."""
        self._tell("record_disposed", disposed=disposed)

    def disclosure_made(self, made: Sequence[DisclosureMade]) -> None:
        """Tell observers of disclosures."""
        self._tell("disclosure_made", made=made)

    # Connecting

    def erase_in_system(self, plugin: str, request: ErasureRequest) -> Mapping[str, Erasure]:
        """What the connector that a system names says of each key. Raises `ConnectorFailed`, with `no-connector` where
        the plugin is not installed, not used by the council, or connects nothing."""
        erase = self._connector("erase_in_system", plugin)
        if erase is None:
            raise ConnectorFailed("no-connector")
        return ask_erasures(plugin, partial(call, erase, {"request": request}), {item.key for item in request.items})

    def still_in_system(self, plugin: str, request: ErasureRequest) -> frozenset[str] | None:
        """The keys that the system still holds; None where its connector cannot look. Raises `ConnectorFailed`."""
        look = self._connector("still_in_system", plugin)
        if look is None:
            return None
        return ask_still_there(plugin, partial(call, look, {"request": request}), {item.key for item in request.items})

    def _connector(self, hook: str, plugin: str) -> pluggy.HookImpl | None:
        is_asked = any(source.distribution == plugin for source in self.asked)
        return next(self._implementations(hook, only=plugin), None) if is_asked else None

    def _used(self) -> tuple[str, ...]:
        if self._uses is not None:
            return tuple(name for name in self._uses if self._broken is None or name != self.own)
        if self._broken is not None:
            return ()
        try:
            return self.council().uses
        except DeclarationError:
            return ()

    def _implementations(self, hook: str, only: str | None = None) -> Iterator[pluggy.HookImpl]:
        names = [only] if only is not None else [source.distribution for source in self.asked]
        if self._broken is not None:
            names = [name for name in names if name != self.own]
        by_plugin = {impl.plugin_name: impl for impl in getattr(self._manager.hook, hook).get_hookimpls()}
        return (by_plugin[name] for name in names if name in by_plugin)

    def _declare(self, hook: str, as_type: type[T], *, only: str | None = None, **arguments: Any) -> Answers[T]:
        said: list[Said[T]] = []
        errors: list[Said[DeclarationError]] = []
        for implementation in self._implementations(hook, only):
            plugin = implementation.plugin_name
            try:
                answer = call(implementation, arguments)
                if answer is not None:
                    said.append(Said(plugin, checked(answer, as_type, place=f"{plugin}, hook {hook}")))
            except DeclarationError as error:
                errors.append(Said(plugin, error))
            except Exception as error:
                raise PluginError(plugin, hook, f"it raised {type(error).__name__}") from error
        return Answers(tuple(said), tuple(errors))

    def _judges(self, hook: str, **arguments: Any) -> list[Judge]:
        return [
            Judge(implementation.plugin_name, self._known_as(implementation), partial(call, implementation, arguments))
            for implementation in self._implementations(hook)
        ]

    def _tell(self, hook: str, **arguments: Any) -> None:
        for implementation in self._implementations(hook):
            known_as = self._known_as(implementation)
            tell(implementation.plugin_name, hook, known_as, partial(call, implementation, arguments))

    def _known_as(self, implementation: pluggy.HookImpl) -> Hashable:
        """By council, as plugins are shared: what is slow over one council's batch is not lost to another."""
        return self.slug, implementation


def call(implementation: pluggy.HookImpl, arguments: Mapping[str, Any]) -> object:
    """Call one implementation with the arguments it asks for."""
    return implementation.function(*(arguments[name] for name in implementation.argnames))


def checked(answer: object, as_type: type[T], *, place: str) -> T:
    """`answer` with its types verified: constructors of structs check nothing, so it makes the round trip.

    Raises `DeclarationError` naming `place`.
    """
    try:
        return msgspec.convert(msgspec.to_builtins(answer), as_type)
    except (msgspec.ValidationError, TypeError) as error:
        raise DeclarationError(str(error), file=place) from None

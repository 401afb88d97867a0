"""Words from templates: which plugin says a sentence, in which language, and that it can do no more than say it.

A sentence is a macro, named for the kind of statement, in any file of a plugin's `privacy_notice/LANGUAGE/` (or, for
another sort of document, of that sort's folder: `consent/LANGUAGE/`). The
council's own plugin is asked first, then the plugins it uses; a language without the sentence falls back to English.
Templates run in Jinja's sandbox and write plain text; markup is added, and everything escaped, when a document is
rendered as HTML.

Each plugin's templates are mounted under its own prefix in one environment. No loader ever looks at the current
council, because Jinja's cache keeps what a name once meant: one council's words would be served to another.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from functools import partial
from importlib import resources
from itertools import product
from typing import Any

import msgspec
import structlog
from jinja2 import BaseLoader, FunctionLoader, PrefixLoader, StrictUndefined, TemplateError, pass_context
from jinja2.exceptions import SecurityError
from jinja2.filters import FILTERS
from jinja2.runtime import Context, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from muniment.api.council import Council
from muniment.api.errors import PluginError
from muniment.api.notices import TemplateFolder
from muniment.api.text import say
from muniment.notices.language import as_sentence, listed, long_date, number, period_words
from muniment.plugins.facade import Said as SaidBy
from muniment.plugins.manager import Plugins

__all__ = ["Said", "Voice", "Words"]

log = structlog.get_logger(__name__)

FALLBACK = "en"
FOLDER = "privacy_notice"
GUARD = "\ue000"
"""Set before a declared value while a template runs, so that a value can never be taken for a line of a list."""

UNPRINTABLE = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ue000]")
"""Control characters, which no reader sees and no database text can hold, and the guard itself."""

PLAIN_FILTERS = (
    "capitalize", "default", "first", "join", "last", "length", "list", "lower", "map", "reject", "rejectattr",
    "replace", "select", "selectattr", "sort", "trim", "unique", "upper",
)  # fmt: skip
"""Of Jinja's own filters those that make nothing longer than what they are given, or nearly."""

PLAIN_METHODS = frozenset(
    {"endswith", "lower", "removeprefix", "removesuffix", "split", "startswith", "strip", "upper"}
)
"""Of a text's methods likewise."""

FAILURES = (
    TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What a template can raise, endless recursion included."""

Names = Mapping[tuple[str, str], Any]
"""The title of a declaration by its kind and id: `("category", "contact-details")`."""


class Said(msgspec.Struct, frozen=True):
    """One statement in words, and the language they are in."""

    text: str
    points: tuple[str, ...]
    language: str


class Sentences(ImmutableSandboxedEnvironment):
    """Jinja's sandbox, without what can make much of little: nothing counts or repeats, so that a template runs for as
    long as what is declared is long."""

    intercepted_binops = frozenset({"*", "**", "%"})

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """`left operator right` for numbers that are small; raises `SecurityError` for everything else."""
        if operator == "**" or not isinstance(left, int) or not isinstance(right, int):
            raise SecurityError(f"{operator!r} repeats nothing here")
        return super().call_binop(context, operator, left, right)

    def wrap_str_format(self, value: Any) -> None:
        """Nothing: Jinja would let a text's `format` through in a form of its own, which pads as far as it is told."""

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Whether a template may reach an attribute."""
        if isinstance(obj, str) and attr not in PLAIN_METHODS:
            return False
        return super().is_safe_attribute(obj, attr, value)


class Words:
    """The templates of every plugin of the deployment, made once by the composition root.

    `folders` are by plugin; `speakers` answers which plugins speak for a council, its own first.
    """

    def __init__(self, folders: Mapping[str, TemplateFolder], speakers: Callable[[str], Iterable[str]]) -> None:
        self._speakers = speakers
        self._files = {plugin: _files(folder) for plugin, folder in folders.items()}
        loaders: dict[str, BaseLoader] = {plugin: FunctionLoader(files.get) for plugin, files in self._files.items()}
        self._environment = Sentences(
            loader=PrefixLoader(loaders),
            autoescape=False,  # plain text comes out; it is escaped as a whole when HTML is made of it
            undefined=StrictUndefined,
            finalize=_finalize,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.globals.clear()
        self._environment.filters = {name: FILTERS[name] for name in PLAIN_FILTERS} | {
            "amount": _amount, "joined": _joined, "listed": _listed, "period": _period, "put": _put,
            "sentence": _sentence, "titles": _titles,
        }  # fmt: skip

    @classmethod
    def of(cls, plugins: Plugins) -> Words:
        """The templates of all installed plugins. A council whose plugins cannot say theirs has none: what it has
        published is shown as it was, and nothing new is rendered."""
        said = {slug: _folders(plugins, slug) for slug in plugins.councils}
        folders = {folder.plugin: folder.value for folders in said.values() for folder in folders}
        speakers = {slug: tuple(folder.plugin for folder in folders) for slug, folders in said.items()}
        return cls(folders, lambda slug: speakers.get(slug, ()))

    def voice(self, council: Council, language: str, names: Names, *folders: str) -> Voice:
        """The words for one document of a council in `language`; `folders` are where its sort of document has them, the
        notice's without any. Of several the first that has a sentence says it."""
        return Voice(self, council, language, names, folders or (FOLDER,))

    def sentences(self, council: str, language: str, *folders: str) -> Iterable[tuple[str, str, str]]:
        """Where to look for a sentence, in order: plugin, language, name of the template."""
        code = language.partition(".")[0]
        spoken_in = dict.fromkeys((language, code, FALLBACK))
        for spoken, folder, plugin in product(spoken_in, folders or (FOLDER,), self._speakers(council)):
            for file in self._files.get(plugin, ()):
                if file.startswith(f"{folder}/{spoken}/"):
                    yield plugin, spoken, f"{plugin}/{file}"

    def macros(self, plugin: str, template: str, context: Mapping[str, Any]) -> Any:
        """The macros of one template, bound to what they may see. Raises `PluginError`."""
        try:
            return self._environment.get_template(template).make_module(dict(context))
        except FAILURES as error:
            raise _broken(plugin, template, error) from error


class Voice:
    """Says statements for one document: one council, one language."""

    def __init__(self, words: Words, council: Council, language: str, names: Names, folders: Sequence[str]) -> None:
        self._asked = council.slug
        self._language = language
        self._macros: dict[tuple[str, str], tuple[str, str, Callable[..., str]]] = {}
        self._spoken: dict[str, None] = {}
        for plugin, spoken, template in words.sentences(council.slug, language, *folders):
            self._spoken[spoken] = None
            seen = {"language": language, "spoken": spoken, "names": names, "council": council}
            module = words.macros(plugin, template, {**seen, "phrase": partial(self.phrase, spoken=spoken)})
            for name, macro in vars(module).items():
                if callable(macro) and not name.startswith("_"):
                    self._macros.setdefault((spoken, name), (plugin, template, macro))

    def say(self, kind: str, about: Any = None, **more: Any) -> Said:
        """The statement of a kind about a declaration; its own `wording`, if it has one, takes the sentence's place.

        Raises `PluginError` if no plugin has such a sentence or its template fails.
        """
        lines, spoken = self._lines(None, kind, about, more)
        text = " ".join(line for line in lines if not line.startswith("- "))
        points = (line[2:] for line in lines if line.startswith("- "))
        return Said(_clean(text), tuple(_clean(point) for point in points), spoken)

    def phrase(self, kind: str, about: Any = None, *, spoken: str | None = None, **more: Any) -> str:
        """Part of a sentence, for use inside another one; in the language `spoken` there, if it has such a phrase."""
        return _clean(" ".join(self._lines(spoken, kind, about, more)[0]))

    def _lines(self, prefer: str | None, kind: str, about: Any, more: Mapping[str, Any]) -> tuple[list[str], str]:
        if (wording := getattr(about, "wording", None)) is not None:
            return [GUARD + " ".join(UNPRINTABLE.sub("", say(wording, self._language)).split())], self._language
        spoken = next((code for code in (prefer, *self._spoken) if code and (code, kind) in self._macros), None)
        if spoken is None:
            raise PluginError(
                self._asked, "notice_templates", f"no template of the plugins it uses has a macro {kind!r}"
            )
        plugin, template, macro = self._macros[spoken, kind]
        try:
            raw = macro(about, **more)
        except FAILURES as error:
            raise _broken(plugin, f"{template}, macro {kind}", error) from error
        return [line for line in (" ".join(line.split()) for line in raw.split("\n")) if line], spoken


def _folders(plugins: Plugins, slug: str) -> Sequence[SaidBy[TemplateFolder]]:
    try:
        return plugins.facade(slug).notice_templates()
    except PluginError as error:
        log.error("templates_unreadable", council=slug, reason=str(error))
        return ()


def _files(folder: TemplateFolder) -> dict[str, str]:
    """Every template below a plugin's folder, by its path there. Read once: a plugin does not change while it runs."""
    found: dict[str, str] = {}

    def walk(place: Any, path: str) -> None:
        for entry in sorted(place.iterdir(), key=lambda entry: entry.name):
            if entry.is_dir():
                walk(entry, f"{path}{entry.name}/")
            elif entry.name.endswith(".txt"):
                found[path + entry.name] = entry.read_text(encoding="utf-8")

    try:
        root = resources.files(folder.package) / folder.folder
        if root.is_dir():
            walk(root, "")
    except (ImportError, OSError, TypeError, ValueError) as error:
        log.error("templates_unreadable", package=folder.package, reason=type(error).__name__)
        return {}
    return found


def _broken(plugin: str, where: str, error: Exception) -> PluginError:
    return PluginError(plugin, "notice_templates", f"{where}: {type(error).__name__}: {error}")


def _clean(line: str) -> str:
    """Without guards, on one line."""
    return " ".join(line.replace(GUARD, "").split())


def _plain(value: Any, context: Context) -> str:
    """A value as it stands in a sentence: texts in the document's language, dates in the sentence's, on one line."""
    if value is None or isinstance(value, Undefined):
        return ""
    if isinstance(value, dict):
        value = say(value, context["language"])
    if isinstance(value, date):
        value = long_date(value, context["spoken"])
    return re.sub(r"\s+", " ", UNPRINTABLE.sub("", str(value)))


@pass_context
def _finalize(context: Context, value: Any) -> Any:
    if isinstance(value, Undefined):
        return value
    words = _plain(value, context)
    return f"{GUARD}{words}" if words.lstrip().startswith("-") else words


@pass_context
def _listed(context: Context, values: Iterable[Any]) -> str:
    return listed((_plain(value, context).strip() for value in values), context["spoken"])


@pass_context
def _joined(context: Context, values: Iterable[Any], mark: str) -> str:
    return mark.join(words for value in values if (words := _plain(value, context).strip()))


@pass_context
def _put(context: Context, value: Any, frame: str) -> str:
    words = _plain(value, context).strip()
    return frame.replace("{}", words) if words else ""


@pass_context
def _period(context: Context, value: str) -> str:
    return period_words(value, context["spoken"])


@pass_context
def _amount(context: Context, value: int | None, field: str) -> str:
    """A limit on a field as people write it: pounds where the field holds money; nothing for None."""
    names: Names = context["names"]
    return "" if value is None else f"{names.get(('unit', field), '')}{number(value, context['spoken'])}"


@pass_context
def _sentence(context: Context, value: Any) -> str:
    return as_sentence(_plain(value, context))


@pass_context
def _titles(context: Context, ids: Iterable[str], kind: str, within: str = "") -> list[str]:
    """The titles of what is declared under these ids (`within` a field: of its choices), else the ids themselves."""
    names: Names = context["names"]
    return [_plain(names.get((kind, f"{within}.{name}" if within else name), name), context) for name in ids]

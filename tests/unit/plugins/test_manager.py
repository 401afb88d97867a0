"""The contract of plugins: whoever breaks it stops the deployment, by name."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import date
from functools import partial
from typing import Any

import pluggy
import pytest

from muniment.api.clients import ProposedValues, Refusal
from muniment.api.council import Council
from muniment.api.errors import DeclarationError, NotFound, PluginError
from muniment.api.markers import hookimpl
from muniment.api.plugin import API_VERSION, WordsPlugin
from muniment.notices.words import Words
from muniment.plugins import manager
from muniment.plugins.manager import PluginSource, load_plugins
from muniment.plugins.sources import canonical_name
from muniment.policy.compile import compile_policy
from muniment.testing.doubles import Declared, StatedPlugin, load_doubles, stated_council


class Versioned:
    api_version = API_VERSION


class OtherVersion:
    api_version = API_VERSION + 1


class NoVersion:
    pass


class UnknownHook(Versioned):
    @hookimpl
    def client_categorise(self) -> None:
        """No such hook."""


class UnknownArgument(Versioned):
    @hookimpl
    def client_categories(self, service: str, council: str) -> None:
        """No hook is given a council."""


class Wrapper(Versioned):
    @hookimpl(wrapper=True)
    def client_validate(self, proposed: Sequence[ProposedValues]) -> Any:
        yield
        return []


class WithDefault(Versioned):
    @hookimpl
    def client_validate(self, proposed: Sequence[ProposedValues], strict: bool = True) -> Sequence[Refusal]:
        return []


class Broken(Versioned):
    @hookimpl
    def council(self) -> Council:
        raise KeyError("council")


class NotACouncil(Versioned):
    @hookimpl
    def council(self) -> Any:
        return {"slug": "alpha"}


class DoesNotLoad(StatedPlugin):
    @hookimpl
    def council(self) -> Council:
        raise DeclarationError("not TOML", file="alpha/council.toml")


class Ends(Versioned):
    @hookimpl
    def council(self) -> Council:
        raise SystemExit(7)


class Endless(Versioned):
    @hookimpl
    def council(self) -> Any:
        answer: list[Any] = []
        answer.append(answer)
        return answer


class Sleeps(Versioned):
    @hookimpl
    def council(self) -> Council:
        time.sleep(30)
        return stated_council("alpha")


@pytest.mark.parametrize(
    ("plugin", "reason"),
    [(Broken(), "KeyError"), (NotACouncil(), "dict"), (Ends(), "SystemExit"), (Endless(), "list"), (Sleeps(), "0.2 s")],
)
def test_a_plugin_that_fails_puts_its_own_council_out_of_service(
    plugin: object, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manager, "PATIENCE", 0.2)
    well = StatedPlugin(stated_council("beta", "housing"), {"housing": Declared()})
    plugins = load_plugins(
        [
            PluginSource("alpha", "the-culprit", "0", "muniment.testing", plugin),
            PluginSource("beta", "well", "0", "muniment.testing", well),
        ]
    )
    assert list(plugins.out_of_service) == ["alpha"]
    assert reason in plugins.out_of_service["alpha"]
    assert plugins.facade("beta").council().slug == "beta"
    out = plugins.facade("alpha")
    for ask in (out.council, partial(compile_policy, out, (), date(2026, 11, 20))):
        with pytest.raises(PluginError, match="the-culprit, hook council"):
            ask()
    assert out.missing == ("the-culprit",)
    adopted = plugins.facade("alpha", uses=["the-culprit", "muniment"])
    assert [refused.code for refused in adopted.client_validate([ProposedValues(1, "s", "c", {})])] == [
        "plugin-missing"
    ]
    assert adopted.judges_holds
    assert Words.of(plugins).sentences("alpha", "en") is not None


@pytest.mark.parametrize(
    ("plugin", "hook", "words"),
    [
        (OtherVersion(), "api_version", "version 2"),
        (NoVersion(), "api_version", "names no api_version"),
        (UnknownHook(), "client_categorise", "no such hook"),
        (UnknownArgument(), "client_categories", "council"),
        (Wrapper(), "client_validate", "overrule"),
        (WithDefault(), "client_validate", "strict"),
    ],
)
def test_a_broken_contract_stops_start_up(plugin: object, hook: str, words: str) -> None:
    with pytest.raises(PluginError, match=words) as caught:
        load_doubles({"the-culprit": plugin})
    assert (caught.value.plugin, caught.value.hook) == ("the-culprit", hook)
    assert caught.value.exit_code != 0


def test_one_council_has_one_plugin() -> None:
    first, second = StatedPlugin(stated_council("alpha")), StatedPlugin(stated_council("alpha"))
    with pytest.raises(PluginError, match="first-one and second-one"):
        load_doubles({"first-one": first, "second-one": second})


def test_a_councils_plugin_is_named_after_it() -> None:
    source = PluginSource("beta", "a-plugin", "0", "muniment.testing", StatedPlugin(stated_council("alpha")))
    with pytest.raises(PluginError, match=r"'beta'.*'alpha'"):
        load_plugins([source])


def test_a_distribution_brings_one_plugin() -> None:
    sources = [PluginSource(name, "twice", "0", "muniment.testing", WordsPlugin("muniment.testing")) for name in "ab"]
    with pytest.raises(PluginError, match="brings two"):
        load_plugins(sources)


def test_a_council_whose_file_does_not_load_is_known_by_its_entry_point() -> None:
    plugins = load_doubles(
        {"alpha-plugin": DoesNotLoad(stated_council("alpha")), "b": StatedPlugin(stated_council("beta"))}
    )
    assert dict(plugins.councils) == {"alpha": "alpha-plugin", "beta": "b"}
    assert plugins.facade("beta").council().slug == "beta"
    with pytest.raises(DeclarationError):
        plugins.facade("alpha").council()


def test_no_plugin_for_a_council_says_which_there_are() -> None:
    with pytest.raises(NotFound, match="alpha"):
        load_doubles({"a": StatedPlugin(stated_council("alpha"))}).facade("gamma")


def test_core_speaks_first_then_what_is_used_then_the_council() -> None:
    alpha = StatedPlugin(stated_council("alpha", "housing", uses=("words",)), {"housing": Declared()})
    plugins = load_doubles({"a": alpha, "words": WordsPlugin("muniment.testing"), "idle": WordsPlugin("muniment.web")})
    assert [source.distribution for source in plugins.facade("alpha").asked] == ["muniment", "words", "a"]


def test_loading_twice_gives_two_managers() -> None:
    plugin = StatedPlugin(stated_council("alpha"))
    first, second = load_doubles({"a": plugin}), load_doubles({"a": plugin})
    assert isinstance(first._manager, pluggy.PluginManager)
    assert first._manager is not second._manager


@pytest.mark.parametrize("name", ["Muniment_Sefton", "muniment.sefton", "muniment-sefton", "MUNIMENT--sefton"])
def test_distribution_names_are_compared_as_indexes_do(name: str) -> None:
    assert canonical_name(name) == "muniment-sefton"

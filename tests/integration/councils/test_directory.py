"""Councils get their rows from what is installed; host names are the deployment's."""

from __future__ import annotations

from uuid import UUID

import pytest

from muniment.api.errors import DeclarationError, InvalidInput, NotFound
from muniment.api.markers import hookimpl
from muniment.councils.directory import (
    council_by_slug,
    council_of_host,
    hosts_of,
    name_host,
    sync_councils,
    unname_host,
)
from muniment.database.session import Database
from muniment.plugins.manager import Plugins
from muniment.testing.doubles import StatedPlugin, load_doubles, stated_council


def test_installed_councils_get_rows_once(database: Database, plugins: Plugins) -> None:
    first = sync_councils(database, plugins)
    assert [view.slug for view in first] == ["alpha", "beta"]
    assert sync_councils(database, plugins) == first
    assert first[0].policy_hash is None


def test_a_council_is_called_as_its_plugin_says(database: Database, councils: tuple[UUID, UUID]) -> None:
    renamed = stated_council("alpha")
    views = sync_councils(database, load_doubles({"own": StatedPlugin(renamed)}))
    assert [(view.id, view.name) for view in views if view.slug == "alpha"] == [(councils[0], renamed.name)]
    assert len(views) == 2


@pytest.mark.parametrize("slug", ["api", "health", "static", "console", "privacy", "metrics"])
def test_no_council_takes_a_word_that_addresses_begin_with(database: Database, slug: str) -> None:
    with pytest.raises(InvalidInput, match=slug):
        sync_councils(database, load_doubles({"own": StatedPlugin(stated_council(slug))}))


def test_a_council_that_does_not_load_stops_no_other(database: Database) -> None:
    class Typo(StatedPlugin):
        @hookimpl
        def council(self) -> None:
            raise DeclarationError("not TOML", file="alpha/council.toml")

    plugins = load_doubles({"a": Typo(stated_council("alpha")), "b": StatedPlugin(stated_council("beta"))})
    assert [view.slug for view in sync_councils(database, plugins)] == ["beta"]


def test_host_names(database: Database, councils: tuple[UUID, UUID]) -> None:
    with database.platform() as session:
        name_host(session, "alpha", "Privacy.Alpha.example.")
        name_host(session, "alpha", "privacy.alpha.example")
        assert hosts_of(session, "alpha") == ["privacy.alpha.example"]
        assert council_of_host(session, "PRIVACY.alpha.example") == "alpha"
        assert council_of_host(session, "elsewhere.example") is None
        with pytest.raises(InvalidInput, match="Another council"):
            name_host(session, "beta", "privacy.alpha.example")
        with pytest.raises(NotFound):
            unname_host(session, "beta", "privacy.alpha.example")
        unname_host(session, "alpha", "privacy.alpha.example")
        assert hosts_of(session, "alpha") == []


@pytest.mark.parametrize(
    "host", ["", "localhost", "https://a.example", "a.example:80", "-a.example", "a..example", "ä.example"]
)
def test_a_malformed_host_name_is_refused(database: Database, councils: tuple[UUID, UUID], host: str) -> None:
    with database.platform() as session, pytest.raises(InvalidInput, match="host name"):
        name_host(session, "alpha", host)


def test_an_unknown_council_is_not_found(database: Database) -> None:
    with database.platform() as session, pytest.raises(NotFound):
        council_by_slug(session, "gamma")

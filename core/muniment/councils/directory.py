"""Which councils there are on this deployment, and under which names they are reached."""

from __future__ import annotations

import re
from uuid import UUID

import msgspec
from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert

from muniment.api.errors import DeclarationError, InvalidInput, NotFound, PluginError
from muniment.api.text import say
from muniment.councils.tables import Council, CouncilHost, Service
from muniment.database.ids import new_id
from muniment.database.session import CouncilSession, Database, PlatformSession
from muniment.plugins.manager import Plugins
from muniment.policy.model import Policy
from muniment.web.surface import RESERVED_SLUGS

__all__ = ["CouncilView", "council_by_slug", "council_of_host", "councils", "hosts_of", "name_host", "note_services",
           "slugs_of_hosts", "sync_councils", "unname_host"]  # fmt: skip

HOST = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+")


class CouncilView(msgspec.Struct, frozen=True):
    """A council as it is listed. `policy_hash` is null until it has adopted a policy."""

    id: UUID
    slug: str
    name: str
    policy_hash: str | None


def councils(session: PlatformSession) -> list[CouncilView]:
    """Every council, by slug."""
    rows = session.execute(select(Council.id, Council.slug, Council.name, Council.policy_hash).order_by(Council.slug))
    return [CouncilView(*row) for row in rows]


def council_by_slug(session: PlatformSession, slug: str) -> CouncilView:
    """The council with a slug. Raises `NotFound`."""
    found = next((council for council in councils(session) if council.slug == slug), None)
    if found is None:
        raise NotFound("There is no council of that name here.")
    return found


def sync_councils(database: Database, plugins: Plugins) -> list[CouncilView]:
    """See that each installed council has its row, called as its plugin says; rows of others are left alone.

    A council whose `council.toml` does not load, or whose plugin fails, gets no row, and keeps the one it has. Raises
    `InvalidInput` for a council named by a word that addresses begin with.
    """
    with database.platform() as session:
        for slug in sorted(plugins.councils):
            if slug in RESERVED_SLUGS:
                words = ", ".join(sorted(RESERVED_SLUGS))
                raise InvalidInput(f"No council can be called {slug!r}: addresses begin with these words: {words}.")
            try:
                declared = plugins.facade(slug).council()
            except (DeclarationError, PluginError):
                continue
            row = insert(Council).values(id=new_id(), slug=slug, name=say(declared.name, declared.languages[0]))
            session.execute(
                row.on_conflict_do_update(
                    index_elements=[Council.slug],
                    set_={"name": row.excluded.name},
                    where=Council.name != row.excluded.name,
                )
            )
        session.flush()
        return councils(session)


def note_services(session: CouncilSession, policy: Policy) -> None:
    """See that the council's services are those of a policy; one that is gone stays, files may belong to it."""
    language = policy.council.languages[0]
    for slug, service in policy.services.items():
        row = insert(Service).values(
            council_id=session.council_id, slug=slug, title=say(service.service.title, language)
        )
        session.execute(
            row.on_conflict_do_update(
                index_elements=[Service.council_id, Service.slug], set_={"title": row.excluded.title}
            )
        )


def name_host(session: PlatformSession, slug: str, host: str) -> None:
    """Serve a council under a host name too. Raises `NotFound`, or `InvalidInput` when it is malformed or another's."""
    council_by_slug(session, slug)
    host = host.lower().rstrip(".")
    if not HOST.fullmatch(host):
        raise InvalidInput("A host name is written like privacy.example.gov.uk, without scheme or port.", where="host")
    session.execute(insert(CouncilHost).values(host=host, slug=slug).on_conflict_do_nothing())
    if council_of_host(session, host) != slug:
        raise InvalidInput("Another council is served under that host name.", where="host")


def unname_host(session: PlatformSession, slug: str, host: str) -> None:
    """Serve a council under a host name no more. Raises `NotFound`."""
    gone = session.execute(
        text("delete from council_host where host = :host and slug = :slug returning host"),
        {"host": host.lower().rstrip("."), "slug": slug},
    ).first()
    if gone is None:
        raise NotFound("The council is not served under that host name.")


def hosts_of(session: PlatformSession, slug: str) -> list[str]:
    """The host names of a council, in order."""
    return list(session.scalars(select(CouncilHost.host).where(CouncilHost.slug == slug).order_by(CouncilHost.host)))


def slugs_of_hosts(session: PlatformSession) -> dict[str, str]:
    """Whose each host name is: slugs by name."""
    return {row.host: row.slug for row in session.execute(select(CouncilHost.host, CouncilHost.slug))}


def council_of_host(session: PlatformSession, host: str) -> str | None:
    """The slug of the council served under a host name; None if there is none."""
    return session.scalar(select(CouncilHost.slug).where(CouncilHost.host == host.lower()))

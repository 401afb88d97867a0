"""A file that belongs to a record is kept as long as the record and goes with it: row, key and bytes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from uuid import UUID, uuid4

import pytest
from litestar.testing import TestClient

from muniment.accounts.permissions import Caller, Permission, Role
from muniment.accounts.sessions import begin_session
from muniment.accounts.staff import add_staff
from muniment.api.errors import Conflict, Forbidden, InvalidInput, NotFound, TooLarge
from muniment.app import open_application
from muniment.clients.attachments import (
    LARGEST,
    add_attachment,
    attachments,
    read_attachment,
    remove_attachment,
)
from muniment.files.store import FileStore
from muniment.jobs.actors import Deployment
from muniment.keys import KeyRing
from muniment.retention.disposal import changing
from muniment.settings import Settings
from muniment.web.forms import form_token
from muniment.wiring import wire
from tests.integration.retention.kit import House
from tests.integration.retention.test_actions import DESTROY, REDACT, with_rule

LONG_AGO, RECENT = date(2019, 3, 1), date(2026, 3, 1)
TEXT = "text/plain"


@dataclass
class Desk:
    """Somebody who attaches files to records."""

    house: House
    store: FileStore
    settings: Settings

    def attach(self, file_id: UUID, content: bytes = b"scan", name: str = "form.txt", kind: str = TEXT) -> UUID:
        (record_id,) = self.house.ids("select id from record where file_id = :id", id=file_id)
        with self.house.session() as session:
            return add_attachment(session, self.house.caller, self.store, file_id, record_id, name, kind, [content])

    def case(self, closed_on: date, medium: str = "digital") -> UUID:
        file_id = self.house.file(
            "case" if medium == "digital" else "letter", medium=medium, recorded_on=closed_on,
            milestones={"case-closed": closed_on},
        )  # fmt: skip
        self.house.flush()
        return file_id

    def remove_objects(self) -> None:
        with self.house.session() as session:
            self.store.remove_objects(session)

    @property
    def stored(self) -> tuple[int, int, int, int]:
        """How many attachments, keys, tombstones and objects there are."""
        counts = [
            self.house.scalar(f"select count(*) from {t}") for t in ("attachment", "stored_file", "file_tombstone")
        ]
        objects = sum(path.is_file() for path in self.settings.files_dir.rglob("*"))
        return counts[0], counts[1], counts[2], objects


@pytest.fixture
def desk(house: House, keys: KeyRing, settings: Settings) -> Desk:
    wire()
    house.adopt()
    return Desk(house, FileStore(settings.files_dir, keys), settings)


def test_what_a_disposed_record_had_goes_with_it_and_nothing_else(desk: Desk) -> None:
    gone, kept = desk.case(LONG_AGO), desk.case(RECENT)
    desk.attach(gone), desk.attach(gone, name="second.txt")
    left = desk.attach(kept, b"kept")
    desk.house.arm("case")
    desk.house.sweep()
    assert desk.stored == (1, 1, 2, 3), "the keys go with the record, the bytes wait for their tombstones"
    desk.remove_objects()
    desk.remove_objects()
    assert desk.stored == (1, 1, 0, 1)
    with desk.house.session() as session:
        view, content = read_attachment(session, desk.house.caller, desk.store, kept, left)
    assert (view.name, view.media_type, view.size, b"".join(content)) == ("form.txt", TEXT, 4, b"kept")


def test_what_an_emptied_record_had_goes_before_its_paper_is_destroyed(desk: Desk) -> None:
    desk.attach(desk.case(LONG_AGO, "paper"))
    desk.house.arm("letter")
    assert desk.house.sweep().awaited == 1
    assert desk.stored == (0, 0, 1, 1)
    desk.remove_objects()
    assert desk.stored == (0, 0, 0, 0)


def test_a_chunk_that_is_rolled_back_keeps_every_file(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = desk.case(LONG_AGO)
    attachment_id = desk.attach(kept)
    desk.house.arm("case")
    with monkeypatch.context() as broken:
        broken.setattr("muniment.retention.disposal.chunk.tell", _raise)
        desk.house.sweep()
    assert desk.stored == (1, 1, 0, 1)
    with desk.house.session() as session:
        assert b"".join(read_attachment(session, desk.house.caller, desk.store, kept, attachment_id)[1]) == b"scan"


def _raise(*_arguments: object) -> None:
    raise RuntimeError


@pytest.mark.parametrize(("named", "left"), [(["payments.account"], 1), (["payments.account", "attachments"], 0)])
def test_a_redaction_takes_files_where_it_names_them_and_again_after_a_restore(
    desk: Desk, named: list[str], left: int
) -> None:
    house = desk.house
    house.adopt(with_rule({**REDACT, "redact": named}, DESTROY, combine="sequence"))
    file_id = desk.case(LONG_AGO)
    desk.attach(file_id)
    house.arm("case")
    assert house.sweep().changed == 1
    desk.remove_objects()
    assert desk.stored == (left, left, 0, left)
    if not left:
        desk.attach(file_id)  # as a restored backup would have it
        again = [redaction for chunk in house.ledger.chunks().values() for redaction in chunk.intent.redacted]
        with house.session() as session:
            assert [changing.redact(session, redaction) for redaction in again] == [1]
        desk.remove_objects()
        assert desk.stored == (0, 0, 0, 0)


def test_removing_one_by_hand(desk: Desk) -> None:
    file_id = desk.case(RECENT)
    attachment_id = desk.attach(file_id)
    with desk.house.session() as session:
        remove_attachment(session, desk.house.caller, file_id, attachment_id)
    desk.remove_objects()
    assert desk.stored == (0, 0, 0, 0)
    events = desk.house.ids("select event from audit_event where event like 'files.%' order by id")
    assert list(events) == ["files.object.stored", "files.object.removed"]
    with pytest.raises(NotFound), desk.house.session() as session:
        remove_attachment(session, desk.house.caller, file_id, attachment_id)


def test_on_the_console_one_is_added_listed_and_opened(desk: Desk, deployment: Deployment) -> None:
    house, file_id, paper = desk.house, desk.case(RECENT), desk.case(LONG_AGO, "paper")
    record_id = house.scalar("select id from record where file_id = :id", id=file_id)
    now = house.clock.now()
    with house.session() as session:
        staff = add_staff(session, "a@council.example", "A", "generated words", [(Role.ADVISER, None)], now)
        cookie = begin_session(session, staff, now)
    page = f"/alpha/console/clients/{file_id}"
    with TestClient(open_application(deployment), raise_server_exceptions=False) as browser:
        browser.follow_redirects = False
        browser.cookies.set("muniment-alpha", cookie)
        form = {"form_token": form_token(cookie), "record": str(record_id)}
        sent = {"attachment": ("Fit note.txt", b"canary-4711", "text/plain")}
        added = browser.post(f"{page}/attachments", data=form, files=sent)
        assert (added.status_code, added.headers["location"]) == (303, f"{page}#record-{record_id}"), added.text
        [link] = re.findall(
            r'href="([^"]+/attachments/[^"]+)">Fit note.txt</a>, text/plain, 1 KiB', browser.get(page).text
        )
        opened = browser.get(link)
        assert (opened.status_code, opened.content) == (200, b"canary-4711")
        assert opened.headers["content-disposition"].startswith("attachment;")
        for file, wrong, status in (
            (("a.html", b"<p>", "text/html"), {}, 422),
            (("a.txt", b"", "text/plain"), {}, 422),
            (sent["attachment"], {"form_token": "0" * 64}, 403),
            (sent["attachment"], {"record": str(uuid4())}, 404),
        ):
            answer = browser.post(f"{page}/attachments", data={**form, **wrong}, files={"attachment": file})
            assert answer.status_code == status, answer.text
        other = f"/alpha/console/clients/{paper}"
        assert browser.get(link.replace(str(file_id), str(paper))).status_code == 404
        assert browser.post(f"{other}/attachments", data=form, files=sent).status_code == 404
    assert desk.stored[0] == 1
    events = list(house.ids("select event from audit_event where event like 'files.%' order by id"))
    assert events == ["files.object.stored", "files.object.read"]


def test_what_is_not_taken(desk: Desk) -> None:
    file_id, paper = desk.case(RECENT), desk.case(LONG_AGO, "paper")
    with pytest.raises(InvalidInput, match="not taken"):
        desk.attach(file_id, kind="text/html")
    with pytest.raises(InvalidInput, match="name"):
        desk.attach(file_id, name=" ")
    with pytest.raises(InvalidInput, match="empty"):
        desk.attach(file_id, b"")
    with pytest.raises(TooLarge):
        desk.attach(file_id, b"x" * (LARGEST + 1))
    (record_id,) = desk.house.ids("select id from record where file_id = :id", id=paper)
    desk.house.arm("letter")
    desk.house.sweep()
    with pytest.raises(NotFound), desk.house.session() as session:
        add_attachment(session, desk.house.caller, desk.store, file_id, record_id, "a.txt", TEXT, [b"scan"])
    assert desk.stored == (0, 0, 0, 0)
    assert Conflict.code


def test_another_service_sees_none_and_a_reader_adds_none(desk: Desk) -> None:
    file_id = desk.case(RECENT)
    desk.attach(file_id)
    actor = desk.house.caller.actor
    stranger = Caller(actor, desk.house.id, {Permission.READ_CLIENTS: frozenset({"housing"})})
    with pytest.raises(NotFound), desk.house.session() as session:
        attachments(session, stranger, file_id)
    reader = Caller(actor, desk.house.id, {Permission.READ_CLIENTS: None})
    (record_id,) = desk.house.ids("select id from record where file_id = :id", id=file_id)
    with pytest.raises(Forbidden), desk.house.session() as session:
        add_attachment(session, reader, desk.store, file_id, record_id, "a.txt", TEXT, [b"scan"])

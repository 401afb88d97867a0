"""Certificates over HTTP: each form by ending or by `Accept`, in each language, and to those alone who may see them."""

from __future__ import annotations

import json
from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from muniment.accounts.permissions import Permission
from muniment.accounts.tokens import new_token
from muniment.app import open_application
from muniment.audit.proofs import public_keys
from muniment.audit.sealing import seal_council
from muniment.jobs.actors import Deployment
from muniment.retention.evidence.document import check, read
from muniment.retention.evidence.pdf import attached
from tests.integration.retention.kit import House

LONG_AGO = date(2019, 3, 1)
API = "/api/v1/councils/alpha/certificates"


@pytest.fixture
def certificate(house: House) -> str:
    house.adopt()
    house.file("case", milestones={"case-closed": LONG_AGO})
    house.flush()
    house.arm("case")
    house.sweep()
    return str(house.scalar("select id from certificate"))


def token(house: House, council_id: UUID, slug: str, *permissions: Permission) -> dict[str, str]:
    now = house.clock.now()
    with house.database.council(council_id) as session:
        _, made = new_token(session, slug, "tests", permissions, None, now + timedelta(days=30), now)
    return {"Authorization": f"Bearer {made}"}


def test_a_certificate_is_given_in_each_form(
    house: House, certificate: str, deployment: Deployment, councils: tuple[UUID, UUID]
) -> None:
    reader = token(house, councils[0], "alpha", Permission.READ_RETENTION)
    nobody = token(house, councils[0], "alpha", Permission.READ_POLICY)
    other = token(house, councils[1], "beta", Permission.READ_RETENTION)
    application: Litestar = open_application(deployment)
    with TestClient(application, raise_server_exceptions=False) as client:
        early = client.get(f"{API}/{certificate}", headers=reader)
        assert (early.json()["proof"], early.json()["ask_again_after"]) == (None, "2026-11-20T12:02:00Z")
        seal_council(deployment, councils[0])
        keys = public_keys(deployment.keys, councils[0], "alpha")
        by_default = client.get(f"{API}/{certificate}", headers=reader)
        assert check(read(by_default.content), keys).whole
        for ending, media in (("json", "application/json"), ("html", "text/html"), ("pdf", "application/pdf")):
            ended = client.get(f"{API}/{certificate}.{ending}", headers=reader)
            accepted = client.get(f"{API}/{certificate}", headers=reader | {"Accept": media})
            assert ended.status_code == accepted.status_code == 200, ended.text
            assert ended.headers["content-type"].startswith(media)
            assert ended.content == accepted.content
            assert f"certificate-{certificate}.{ending}" in ended.headers["content-disposition"]
        assert attached(client.get(f"{API}/{certificate}.pdf", headers=reader).content) == by_default.content
        page = client.get(f"{API}/{certificate}.html?language=cy", headers=reader)
        assert "Tystysgrif waredu" in page.text
        assert "style-src 'sha256-" in page.headers["content-security-policy"]
        assert client.get(f"{API}/{certificate}?language=fr", headers=reader).status_code in (400, 422)
        for wrong in ("x", f"{certificate}.doc", f"{certificate}.", f"{certificate}.pdf.pdf", str(uuid4())):
            answer = client.get(f"{API}/{wrong}", headers=reader)
            assert answer.status_code == 404, (wrong, answer.text)
        assert client.get(f"{API}/{certificate}.pdf", headers=nobody).status_code == 403
        theirs = API.replace("alpha", "beta")
        assert client.get(f"{theirs}/{certificate}.pdf", headers=other).status_code == 404
        assert json.loads(by_default.content)["certificate"]["class_title"] == "Cases"

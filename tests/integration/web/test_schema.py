"""Whatever fits the OpenAPI document, and what does not, is answered without a defect showing."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from litestar import Litestar
from litestar.testing import TestClient
from schemathesis import GenerationMode
from schemathesis.core.result import Ok

Client = TestClient[Litestar]
FEW, MANY = 2, 20
"""Examples of each operation: always, and where the slow tests run."""
PLACE = "http://testserver.local"


@pytest.mark.filterwarnings(
    # Litestar leaves the temporary file of a multipart body that it refuses to the garbage collector.
    "ignore::pytest.PytestUnraisableExceptionWarning"
)
@pytest.mark.parametrize(
    "examples", [pytest.param(FEW, marks=pytest.mark.small), pytest.param(MANY, marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_no_request_shows_a_defect(
    whole: Client,
    councils: tuple[UUID, UUID],
    token_of: Callable[..., dict[str, str]],
    mode: GenerationMode,
    examples: int,
) -> None:
    bearer = token_of(councils[0], "alpha")
    document = schemathesis.openapi.from_dict(whole.get("/api/v1/openapi.json").json())
    operations = [found.ok() for found in document.get_all_operations() if isinstance(found, Ok)]
    assert operations

    def exercise(operation: schemathesis.APIOperation[Any, Any, Any, Any]) -> None:
        @settings(
            max_examples=examples,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(operation.as_strategy(generation_mode=mode), st.integers(0, 9))
        def run(case: schemathesis.Case[Any], choice: int) -> None:
            if choice and "council_slug" in case.path_parameters:
                case.path_parameters["council_slug"] = "alpha"
            sent = case.as_transport_kwargs(base_url=PLACE)
            sent["headers"] = {**dict(sent["headers"]), **bearer}
            sent.pop("cookies", None)
            if isinstance(sent.get("data"), bytes | str):
                sent["content"] = sent.pop("data")
            try:
                answer = whole.request(**{key: value for key, value in sent.items() if value is not None})
            except (UnicodeEncodeError, ValueError):
                return  # the client cannot send it at all
            assert answer.status_code < 500 or answer.status_code == 503, (sent, answer.text)
            if answer.status_code >= 400 and "/health/" not in str(answer.url):
                assert answer.headers["content-type"].startswith("application/problem+json")

        with contextlib.suppress(Unsatisfiable):  # an address that takes nothing can be asked nothing wrong
            run()

    for operation in operations:
        exercise(operation)

"""Whether the process lives and whether the deployment may serve, for whatever watches it.

Live answers without asking anything. Ready asks every check that the domains contribute; a check that has not passed
says in one sentence what is awaited, without personal data.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import structlog
from litestar import MediaType, Response, get
from litestar.datastructures import State
from litestar.handlers import HTTPRouteHandler

from muniment.api.errors import MunimentError, NotReady
from muniment.logs import log_not_ready
from muniment.web.unit_of_work import Places

__all__ = ["ReadinessCheck", "health_routes"]

log = structlog.get_logger("muniment.web")


class ReadinessCheck(msgspec.Struct, frozen=True):
    """A named question: `check` returns when all may be served and raises a `MunimentError` that says what is awaited.

    What it returns is a remark, a sentence or nothing: about what is wrong and keeps nobody else from being served.
    """

    name: str
    check: Callable[[], str | None]


class CheckResult(msgspec.Struct, frozen=True):
    """How one check went; `reason` says why it did not pass, or its remark."""

    name: str
    passed: bool
    reason: str = ""


class Health(msgspec.Struct, frozen=True):
    """`status` is `live`, `ready` or `not-ready`."""

    status: str
    checks: list[CheckResult] = []


def _answer(check: ReadinessCheck) -> CheckResult:
    try:
        remark = check.check()
    except NotReady as error:
        log_not_ready(error)
        return CheckResult(check.name, passed=False, reason=error.outward)
    except MunimentError as error:
        return CheckResult(check.name, passed=False, reason=str(error))
    except Exception as error:  # whatever a check cannot do, the deployment is not ready
        log.error("readiness_check_failed", check=check.name, error=type(error).__name__)
        return CheckResult(check.name, passed=False, reason="The check itself failed; the log says where.")
    return CheckResult(check.name, passed=True, reason=remark or "")


def health_routes(checks: Sequence[ReadinessCheck]) -> list[HTTPRouteHandler]:
    """`/health/live` and `/health/ready`."""

    @get("/health/live", sync_to_thread=False, opt={"public": "a watcher asks whether the process answers"})
    def live() -> Health:
        """Answer at all."""
        return Health("live")

    @get(
        "/health/ready",
        opt={"public": "a load balancer asks whether to send requests here"},
        raises=[],
    )
    async def ready(state: State) -> Response[Health]:
        """Answer 200 when every check passes and 503 when one does not."""
        places: Places = state.places
        results = await places.run(lambda: [_answer(check) for check in checks])
        passed = all(result.passed for result in results)
        return Response(
            Health("ready" if passed else "not-ready", results),
            status_code=200 if passed else 503,
            media_type=MediaType.JSON,
        )

    return [live, ready]

"""The errors that cross Muniment's surfaces, in domain words.

Every error that a person can cause is one of these. A message says what is wrong, where, and how to mend it, in one
or two sentences; it never holds personal data (names, references, dates of birth, values of a field): only places,
codes, ids and what would have been allowed. `muniment.web.errors` maps each to a problem document and the command
line prints `str(error)` and exits with `exit_code`.
"""

from __future__ import annotations

__all__ = [
    "Conflict",
    "DeclarationError",
    "Forbidden",
    "InvalidInput",
    "MunimentError",
    "NotFound",
    "NotReady",
    "NotSignedIn",
    "PluginError",
    "SettingsError",
    "TooLarge",
    "TooManyRequests",
]


class MunimentError(Exception):
    """Base of all errors that are somebody's to mend, never a defect of the program.

    `status` is the HTTP status of the problem document, `code` its stable machine name, `exit_code` what a command
    exits with.
    """

    status = 400
    code = "error"
    exit_code = 1


class SettingsError(MunimentError):
    """A setting of the deployment is missing or malformed. The message names the variable, never its value."""

    status = 500
    code = "settings"
    exit_code = 2


class DeclarationError(MunimentError):
    """A plugin's declaration does not load.

    `file` is the path inside the plugin, `path` the place in the document (`$.rule[3].clause[0].keep`).
    """

    status = 422
    code = "declaration"

    def __init__(self, message: str, *, file: str = "", path: str = "$") -> None:
        self.message, self.file, self.path = message, file, path
        where = f"{file} at {path}: " if file else ""
        super().__init__(f"{where}{message}")


class PluginError(MunimentError):
    """A plugin broke its contract. Names the plugin and the hook; the cause is chained, not shown."""

    status = 500
    code = "plugin"
    exit_code = 3

    def __init__(self, plugin: str, hook: str, message: str) -> None:
        self.plugin, self.hook = plugin, hook
        super().__init__(f"plugin {plugin}, hook {hook}: {message}")


class InvalidInput(MunimentError):
    """Input that cannot be taken. `where` is the field, column, parameter or path that is at fault."""

    status = 422
    code = "invalid"

    def __init__(self, message: str, *, where: str = "", code: str | None = None) -> None:
        self.where = where
        if code is not None:
            self.code = code
        super().__init__(message)


class NotSignedIn(MunimentError):
    """Nobody is signed in, or the token is unknown, expired or revoked."""

    status = 401
    code = "not-signed-in"


class Forbidden(MunimentError):
    """Who asks is known and may not. Never used for another council's object: that is `NotFound`."""

    status = 403
    code = "forbidden"


class NotFound(MunimentError):
    """There is no such thing in this council. Another council's object is answered in the same words."""

    status = 404
    code = "not-found"


class Conflict(MunimentError):
    """The thing is there, but in a state that does not allow what was asked."""

    status = 409
    code = "conflict"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        if code is not None:
            self.code = code
        super().__init__(message)


class TooLarge(MunimentError):
    """A body, file or line over its limit."""

    status = 413
    code = "too-large"


class TooManyRequests(MunimentError):
    """A limit was reached; `retry_after` is in seconds."""

    status = 429
    code = "too-many-requests"

    def __init__(self, message: str, *, retry_after: int) -> None:
        self.retry_after = retry_after
        super().__init__(message)


class NotReady(MunimentError):
    """The deployment may not serve yet; the message says what is awaited.

    Where it names a place on the host it is for the operator alone, who reads it in the log and on the command line;
    `outward` is then what everybody else is told.
    """

    status = 503
    code = "not-ready"
    exit_code = 4

    def __init__(self, message: str, *, outward: str = "") -> None:
        super().__init__(message)
        self.outward = outward or message

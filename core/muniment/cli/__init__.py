"""The command line: the composition root of everything a person types.

Each domain's commands are a click group in a module of this package, added here by name. A command raises
`MunimentError` for what its user can mend; one line on standard error tells it, and the exit status is the error's.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from errno import ENOSPC
from typing import Any, NoReturn

import click

from muniment.api.errors import MunimentError
from muniment.cli.accounts import staff, token
from muniment.cli.audit import audit
from muniment.cli.consents import consent
from muniment.cli.context import fitted
from muniment.cli.councils import council
from muniment.cli.database import db
from muniment.cli.demonstration.run import demo
from muniment.cli.documents import policy
from muniment.cli.forms import retention
from muniment.cli.jobs import jobs
from muniment.cli.keys import keys
from muniment.cli.limits import client
from muniment.cli.notices import notice
from muniment.cli.plugins import plugin
from muniment.cli.serve import serve
from muniment.cli.sharing import share
from muniment.cli.workers import schedule, worker
from muniment.logs import configure_logs, log_incident, open_log
from muniment.settings import Settings
from muniment.wiring import settle

__all__ = ["main"]

UNFORESEEN = 70
NOT_WRITTEN = 74
"""The exit status of a file, folder or disk that does not serve (EX_IOERR of sysexits.h)."""
STOPPED = 130


class Program(click.Group):
    """The outermost group: turns every way of failing into one line and an exit status."""

    def __call__(self, *args: Any, **kwargs: Any) -> NoReturn:
        """As a program of its own."""
        settle()
        self.main(*args, **kwargs)

    def main(self, args: Sequence[str] | None = None, *_: Any, **extra: Any) -> NoReturn:
        try:
            _refuse_other_encodings(sys.argv[1:] if args is None else args)
            status = super().main(args, extra.pop("prog_name", "muniment"), standalone_mode=False)
            sys.stdout.flush()
        except click.exceptions.NoArgsIsHelpError as error:
            click.echo(error.format_message())
            sys.exit(error.exit_code)
        except click.ClickException as error:
            _fail(error.format_message(), error.exit_code)
        except (click.Abort, KeyboardInterrupt):
            _fail("stopped", STOPPED)
        except MunimentError as error:
            _fail(str(error), error.exit_code)
        except BrokenPipeError:
            # Whoever read our output has seen enough; Python must not complain when it closes the stream.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(0)
        except OSError as error:
            if error.filename is None and error.errno != ENOSPC:
                _fail_unforeseen(error)
            _fail(_of_file(error), NOT_WRITTEN)
        except Exception as error:
            _fail_unforeseen(error)
        sys.exit(status if isinstance(status, int) else 0)


def _refuse_other_encodings(args: Sequence[str]) -> None:
    """Python passes bytes that are not UTF-8 on as halves of characters, which no database stores."""
    for position, argument in enumerate(args, 1):
        try:
            argument.encode()
        except UnicodeEncodeError:
            raise click.UsageError(f"Argument {position} is not UTF-8 text.") from None


def _of_file(error: OSError) -> str:
    """What the system says of a file or folder that a setting or an argument named."""
    reason = os.strerror(error.errno).lower() if error.errno else "it cannot be used"
    return f"{error.filename}: {reason}" if error.filename is not None else reason


def _fail(message: str, status: int) -> NoReturn:
    line = f"muniment: {' '.join(message.split())}"
    # One line, as programs read it; where a person does, lines of their terminal's width.
    click.echo(fitted(line, sys.stderr) if sys.stderr.isatty() else line, err=True)
    sys.exit(status)


def _fail_unforeseen(error: Exception) -> NoReturn:
    try:
        file = Settings.from_environment(os.environ).data_dir / "muniment.log"
        with open_log(file) as stream:
            configure_logs(stream=stream)
            incident = log_incident(error, place="command")
    except (MunimentError, OSError):
        configure_logs()
        _fail(f"something went wrong, incident {log_incident(error, place='command')}", UNFORESEEN)
    _fail(f"something went wrong, incident {incident}; the places it passed are in {file}", UNFORESEEN)


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80})
@click.version_option(package_name="muniment", prog_name="muniment", message="%(prog)s %(version)s")
def main() -> None:
    """Councils' data-protection duties on one deployment."""
    configure_logs(level=logging.WARNING)


COMMANDS = (
    audit, client, consent, council, db, demo, jobs, keys, notice, plugin, policy, retention, schedule, serve, share,
    staff, token, worker,
)  # fmt: skip

for group in COMMANDS:
    main.add_command(group)

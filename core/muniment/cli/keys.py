"""`muniment keys`: making the key ring and rotating its keys."""

from __future__ import annotations

import click

from muniment.cli.context import Context, json_option, pass_context, show
from muniment.keys import KeyRing, Purpose

__all__ = ["keys"]


@click.group()
def keys() -> None:
    """The key ring: new, rotate."""


@keys.command()
@json_option
@pass_context
def new(context: Context, as_json: bool) -> None:
    """Make the key ring, once.

    Without it, stored files cannot be read and the audit log cannot be signed. Keep a copy apart from the database's
    backups.
    """
    path = context.settings.keys_file
    KeyRing.generate().save(path)
    show({"file": str(path)}, as_json, f"Made {path}. Keep a copy apart from the database's backups.")


@keys.command()
@click.argument("purpose", type=click.Choice([purpose.value for purpose in Purpose]))
@json_option
@pass_context
def rotate(context: Context, purpose: str, as_json: bool) -> None:
    """Add a newer key for a purpose.

    What the older ones made stays readable. Processes that run go on with the older one until started again.
    """
    path = context.settings.keys_file
    ring = context.keys.rotated(Purpose(purpose))
    ring.save(path, replace=True)
    version = max(key.version for key in ring.keys if key.purpose == purpose)
    show({"purpose": purpose, "version": version}, as_json, f"{purpose} is at version {version} now.")

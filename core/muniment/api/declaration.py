"""The base of everything that a plugin declares."""

from __future__ import annotations

import msgspec

from muniment.api.text import Text

__all__ = ["Declaration"]


class Declaration(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """Base of everything a plugin declares.

    `wording` replaces the sentence that the words plugin would render; `remark` is for the officers who read the
    policy (for instance what is odd in the source) and is never rendered in a notice.
    """

    wording: Text | None = None
    remark: str = ""

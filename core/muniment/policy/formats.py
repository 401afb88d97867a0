"""Reading adopted policies of every format there ever was.

A document stays as it was adopted; what reads it is kept. When the model changes in a way that old documents do not
fit, its number grows, the structs of the old format are frozen here, and a function turns them into today's.
`tests/contracts/policy` keeps one document of each format.
"""

from __future__ import annotations

import msgspec

from muniment.api.errors import NotReady
from muniment.policy.model import FORMAT, Policy

__all__ = ["read_policy"]

DECODER = msgspec.json.Decoder(Policy)


def read_policy(document: bytes, number: int) -> Policy:
    """The policy in a document of format `number`. Raises `NotReady` for one that a newer version adopted."""
    if number != FORMAT:
        raise NotReady(f"The adopted policy has format {number}, made by a newer version; this one reads {FORMAT}.")
    return DECODER.decode(document)

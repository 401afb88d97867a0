"""The council that the journeys of other processes have."""

from __future__ import annotations

from tests.journeys.test_processes import asker

__all__ = ["asker"]

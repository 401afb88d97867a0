"""What a ledger comes to, told a second time in plain Python: one event after the other, in the order of the acts."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from muniment.consent.ledger import Entry

__all__ = ["State", "reference"]

LIVE = {"given", "reconfirmed"}
ENDING = {"refused", "withdrawn", "expired", "superseded"}


@dataclass
class State:
    """Where one purpose stands: what decides, and the acts that are live for each recipient."""

    decides: Entry | None = None
    settled: bool = False
    live: dict[str, Entry] = field(default_factory=dict)

    def told(self, today: date) -> tuple[str, tuple[str, ...], bool] | None:
        """State, recipients and whether it is explicit, on a day; None where nobody was ever asked."""
        if self.decides is None:
            return None
        if self.decides.state not in LIVE:
            return self.decides.state, (), self.decides.explicit
        names = tuple(sorted(name for name, each in self.live.items() if not _over(each, today)))
        if _over(self.decides, today):
            if not names:
                return "expired", (), self.decides.explicit
            return self.decides.state, names, all(each.explicit for each in self._counting(today))
        return self.decides.state, names, all(each.explicit for each in (self.decides, *self._counting(today)))

    def _counting(self, today: date) -> list[Entry]:
        return [each for each in self.live.values() if not _over(each, today)]


def _over(entry: Entry, today: date) -> bool:
    return entry.expires_on is not None and entry.expires_on < today


def reference(entries: list[Entry], today: date) -> tuple[str, tuple[str, ...], bool] | None:
    """What the entries of one purpose, in the order they were added, come to."""
    state = State()
    for entry in sorted(entries, key=lambda each: each.at):  # a stable sort: of equal instants the later added counts
        if entry.state in LIVE:
            state.decides, state.settled = entry, True
            state.live |= dict.fromkeys(entry.recipients, entry)
        elif entry.state in ENDING and not entry.recipients:
            state.decides, state.settled, state.live = entry, True, {}
        else:
            if entry.state in ENDING:
                state.live = {name: each for name, each in state.live.items() if name not in entry.recipients}
            asked_only = entry.state == "requested" and state.decides is not None and state.decides.state != "requested"
            if not state.settled and not asked_only:
                state.decides = entry
    return state.told(today)

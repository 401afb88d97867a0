"""Clauses in plain words for officers: pure. What a notice says to the public is the words plugin's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any

from muniment.api.periods import parse_keep
from muniment.api.retention import Anchor, Authority, When
from muniment.api.text import say
from muniment.retention.rules.compile import (
    ANONYMISE,
    ARCHIVE,
    AWAIT_HOLDER,
    DESTROY,
    PSEUDONYMISE,
    REDACT,
    RESTRICT,
    REVIEW,
    TRANSFER,
    ClauseClock,
)

__all__ = [
    "BY_HAND",
    "FOR_THE_ARCHIVE",
    "TO_BE_SEEN_TO",
    "action_words",
    "anchor_words",
    "authority_words",
    "clause_words",
    "day_words",
    "next_words",
    "person_words",
    "waits_words",
    "when_words",
]

EVENTS = {
    "collection": "the day it was recorded",
    "birth": "birth",
    "programme-end": "the end of the programme",
    "last-contact": "the client's own last contact",
    "financial-support": "financial support",
    "outside-status": "a status outside",
    "transcribed": "transcription",
    "approved": "approval",
    "request": "the client's request for deletion",
    "consent-withdrawn": "the withdrawal of consent",
}
ALIGNED = {
    "month-end": "the end of that month",
    "quarter-end": "the end of that quarter",
    "calendar-year-end": "the end of that year",
    "financial-year-end": "the end of that financial year",
    "tax-year-end": "the end of that tax year",
    "academic-year-end": "the end of that academic year",
}
BOUNDS = {"at-least": "at least ", "at-most": "at most ", "about": "about ", "exactly": "", None: ""}
ACTIONS = {
    "destroy": "destroyed",
    "anonymise": "made anonymous",
    "pseudonymise": "pseudonymised",
    "archive": "moved to the archive",
    "transfer": "moved to another class",
    "review": "reviewed by an officer",
    "redact": "redacted",
    "publish": "published",
    "restrict": "kept out of use",
    AWAIT_HOLDER: "for its holder to destroy and to confirm",
}


SWEPT = frozenset({ANONYMISE, DESTROY, PSEUDONYMISE, REDACT, TRANSFER, RESTRICT})
"""What a sweep does by itself once its rule is armed."""

FOR_THE_ARCHIVE = "an archivist has to confirm that the archive has it"
"""Whom a record for the archive waits for, once a sweep has packed it."""

TO_BE_SEEN_TO = "it lies elsewhere too: somebody has to see to what lies there, and approve that it is done here"
"""Whom a record waits for that is to be redacted or pseudonymised, once a sweep has proposed it."""

BY_HAND = "it is a register: somebody has to see to it, and approve that it goes"
"""Whom a register waits for that is to go to an archive or to be made anonymous, once a sweep has proposed it."""

HERE_ALONE = frozenset({PSEUDONYMISE, REDACT})
"""What is done about records that lie elsewhere as well once somebody has approved it."""


def action_words(action: str) -> str:
    """What is done, after *it is*."""
    return ACTIONS[action]


def waits_words(action: str, *, here_alone: bool = True, register: bool = False) -> str | None:
    """Whom what is due waits for, whatever its rule's arming; None where a sweep does it by itself."""
    if register and action in (ANONYMISE, ARCHIVE):
        return BY_HAND
    if not here_alone and action in HERE_ALONE:
        return TO_BE_SEEN_TO
    if action in SWEPT:
        return None
    if action == REVIEW:
        return "somebody has to approve that it goes"
    if action == AWAIT_HOLDER:
        return "somebody else holds it"
    if action == ARCHIVE:
        return FOR_THE_ARCHIVE
    return f"it is not to be destroyed but {action_words(action)}, which an officer does"


def clause_words(entry: ClauseClock, language: str = "en") -> str:
    """What a clause says: when, how long, from when, then what."""
    clause = entry.clause
    parts = [f"if {' and '.join(map(when_words, entry.conditions))}: "] if entry.conditions else []
    if entry.enrolled:
        parts.append(f"for the programme {', '.join(entry.enrolled)}: ")
    keep = clause.keep
    if clause.review is not None:
        by = f" by {say(clause.review.by, language)}" if clause.review.by is not None else ""
        parts.append(f"looked at again every {clause.review.every}{by}, ")
    if entry.fixed == "permanent":
        return "".join([*parts, "kept for good"])
    if entry.fixed is None:
        bound = BOUNDS[clause.bound]
        if entry.period.words:
            parts.append(f"kept {bound}{entry.period.words} from ")
        else:
            parts.append("kept until ")
        parts.append(anchor_words(entry.anchor) if entry.anchor else "a day that is not named")
    elif clause.in_words is not None:
        parts.append(f"kept {say(clause.in_words, language)}")
    elif keep is not None and parse_keep(keep).kind in ("period", "range"):
        parts.append(f"kept {BOUNDS[clause.bound]}{keep}")
        parts.append(f" from {anchor_words(entry.anchor)}" if entry.anchor else "")
    elif clause.refer is not None:
        more = f", and {clause.refer.plus} more" if clause.refer.plus is not None else ""
        parts.append(f"kept as stated in the {clause.refer.to.replace('-', ' ')}{more}")
    else:
        parts.append("kept for a time that is not stated")
    return "".join([*parts, f", then {action_words(entry.action)}"])


def anchor_words(anchor: Anchor) -> str:
    """The day that a period counts from."""
    if anchor.on is not None:
        words = anchor.on.strftime("%d %B %Y").lstrip("0")
    elif anchor.either:
        which = "first" if anchor.occurrence == "first" else "last"
        words = f"whichever came {which}: {' or '.join(map(anchor_words, anchor.either))}"
    elif anchor.stage is not None:
        words = f"the day of clause {anchor.stage}"
    elif anchor.in_words is not None:
        words = say(anchor.in_words, "en")
    else:
        kind = anchor.event or anchor.milestone or "a day that is not named"
        words = EVENTS.get(kind, kind.replace("-", " "))
        if anchor.occurrence == "first" and kind not in ("birth", "collection"):
            words = f"the first {words}"
        if anchor.programme is not None:
            words = f"{words} {anchor.programme}"
        if anchor.purpose is not None:
            words = f"{words} for the purpose {anchor.purpose}"
    if anchor.whose != "client":
        words = f"{words} of {'another person' if anchor.whose == 'other' else f'the {anchor.whose}'}"
    if anchor.birthday is not None:
        words = f"birthday {anchor.birthday}"
    if anchor.plus is not None:
        words = f"{anchor.plus} after {words}"
    if anchor.align is not None:
        words = f"{ALIGNED[anchor.align]} ({words})"
    return words


def when_words(when: When) -> str:
    """A condition."""
    parts: list[str] = []
    if when.in_words is not None:
        parts.append(say(when.in_words, "en"))
    if when.cohort is not None:
        parts.append(f"the client belongs to {when.cohort}")
    if when.milestone is not None:
        parts.append(f"there has been {EVENTS.get(when.milestone, when.milestone.replace('-', ' '))}")
    if when.no_milestone is not None:
        parts.append(f"there has been no {EVENTS.get(when.no_milestone, when.no_milestone.replace('-', ' '))}")
    if when.request:
        parts.append("the client has asked for deletion")
    if when.in_programme is not None:
        name = "any externally funded programme" if when.in_programme == "any" else f"the programme {when.in_programme}"
        parts.append(f"the client is or was in {name}")
    if when.field is not None:
        parts.append(f"{when.field} is {' and '.join(_limits(when)) or ' or '.join(when.equals) or 'known'}")
    if when.medium is not None:
        parts.append(f"it is kept on {when.medium.replace('-', ' ')}")
    if when.purpose is not None:
        parts.append(f"it is held for {when.purpose}")
    if when.form is not None:
        parts.append(f"it is {when.form}")
    if when.anchor is not None:
        compared = [f"before {anchor_words(when.before)}"] if when.before else []
        compared += [f"after {anchor_words(when.after)}"] if when.after else []
        parts.append(f"{anchor_words(when.anchor)} came {' and '.join(compared) if compared else 'about'}")
    if when.either:
        parts.append("either " + " or ".join(when_words(inner) for inner in when.either))
    if when.never is not None:
        parts.append(f"it is not so that {when_words(when.never)}")
    return " and ".join(parts) or "always"


def _limits(when: When) -> Iterator[str]:
    yield from (f"more than {limit}" for limit in [when.more_than] if limit is not None)
    yield from (f"at least {limit}" for limit in [when.at_least] if limit is not None)
    yield from (f"less than {limit}" for limit in [when.less_than] if limit is not None)


def authority_words(authority: Authority) -> str:
    """What a period rests on."""
    title = say(authority.title, "en") or authority.kind.replace("-", " ")
    return f"{title}, {authority.provision}" if authority.provision else title


def day_words(day: date) -> str:
    """A day as people write it: 2 May 2027."""
    return f"{day.day} {day.strftime('%B %Y')}"


def person_words(
    title: str,
    *,
    why: Sequence[str],
    state: str,
    due_on: date | None,
    action: str | None,
    longer: bool,
    held: bool,
) -> tuple[str, ...]:
    """For the person whom a record is about: why it is held, until when, and what happens then."""
    reasons = "; ".join(dict.fromkeys(reason.rstrip(".") for reason in why if reason))
    said = [f"We hold this about you: {title}.{f' The reason: {reasons}.' if reasons else ''}"]
    if due_on is not None:
        said.append(f"We keep it until the end of {day_words(due_on)}.")
        said.append(f"After that it is {action_words(action)}." if action in ACTIONS else "")
    else:
        said.append(
            {
                "permanent": "We keep it for good.",
                "running": "How long we still keep it counts from something that has not happened yet.",
                "awaiting": "We have emptied our record of it. The paper, or the copy elsewhere, is being destroyed.",
            }.get(state, "We have not settled how long we keep it. Until we have, it is kept.")
        )
    if longer:
        said.append("Somebody here decided, for a reason on file, to keep it longer than we usually would.")
    if held:
        said.append("At the moment we have to keep it for a legal reason, whatever the day.")
    return tuple(line for line in said if line)


def next_words(today: date, now: Any, blocks: Sequence[str]) -> str:
    """What will happen to a record: `now` is what its clock comes to (None: emptied), `blocks` what is in the way."""
    if now is None and blocks:
        return f"It must not be destroyed: {'; '.join(blocks)}."
    if now is None:
        return "Somebody confirms that it was destroyed."
    if now.state != "dated":
        return "Nothing, until something happens that its rule counts from or the council decides."
    due = "It is due" if now.due_on < today else f"From {day_words(now.due_on + timedelta(days=1))} it is due"
    if blocks:
        return f"{due}, but {'; '.join(blocks)}."
    done = "disposes of it" if now.action == DESTROY else f"sees that it is {action_words(now.action)}"
    return f"{due}: the next sweep {done}{'' if now.due_on < today else ' then'}."

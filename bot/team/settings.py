"""The settings of a team: opening hours, norms, reminders, duty, texts, reasons …; stored as JSON with the team.

A field that is missing in the JSON gets its default, so that a new setting needs no migration.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from bot.domain.case import CloseReason
from bot.domain.holidays import HOLIDAYS, dutch_holidays
from bot.domain.hours import ALWAYS, DAY, Hours, Interval
from bot.domain.house_rules import is_criticism
from bot.domain.sla import LADDER, Policy, Recipient, Step, Targets
from bot.logs import going_on
from bot.models import Team

NOT_SELF_EVIDENT = frozenset({"Goede vrijdag", "Bevrijdingsdag"})
OPENING = ("time_zone", "week", "always_open", "holidays", "closed_days", "early_closings")
"""The settings that say when a team is open."""
OFFICE_WEEK = [[("09:00", "17:00")]] * 5 + [[], []]


def minute(text: str) -> int:
    """Return the minutes after midnight of `HH:MM`; 24:00 is the end of the day."""
    hours, _, minutes = text.partition(":")
    if not (hours.isdecimal() and minutes.isdecimal() and len(minutes) == 2):
        raise ValueError("a time is written as HH:MM, like 09:00")
    value = int(hours) * 60 + int(minutes)
    if int(minutes) > 59 or value > DAY:
        raise ValueError("a time lies between 00:00 and 24:00")
    return value


def zone(name: str) -> ZoneInfo:
    """Return the time zone of this name; raises ValueError when there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # unknown, not a name at all, or a folder of zones
        raise ValueError("a time zone is written as Europe/Amsterdam") from None


def _clock(text: str) -> str:
    minute(text)
    return text


ClockTime = Annotated[str, AfterValidator(_clock)]
Minutes = Annotated[int, Field(ge=1, le=60 * 24 * 30)]


MAX_DAYS = 60
"""The most working days that a citizen gets to answer a question."""
MAX_MONTHS = 60
"""How many months back a team may look for other cases of a citizen, at most."""
MAX_LABEL = 60
Label = Annotated[str, Field(min_length=1, max_length=MAX_LABEL)]
MAX_TOPICS = 98
"""A menu in Slack has at most 100 options: the topics, "none", and a removed topic that is still in use."""
MAX_REASONS = 10
MAX_SIGNAL_WORDS = 50
MAX_ARTICLE = 1000
MAX_HIDE_DAYS = 365
MAX_REMOVED_DAYS = 3650
"""The most days after which a hidden post is reviewed."""
MAX_RULES = 40
MAX_INVITATION = 250
MAX_LISTED = 95
"""The most snippets or advisers that fit in one modal, each with its button."""


class Norm(BaseModel):
    """Targets in working minutes."""

    first_reaction: Minutes = 60
    next_reaction: Minutes = 60
    resolution: Minutes = 240

    def targets(self) -> Targets:
        """Return them as bot.domain.sla takes them."""
        return Targets(*(timedelta(minutes=m) for m in (self.first_reaction, self.next_reaction, self.resolution)))


class LadderStep(BaseModel):
    """A step of the reminders: at this percentage of the target, remind these people."""

    percent: Annotated[int, Field(ge=1, le=1000)]
    to: Recipient
    text: str = ""


class Snippet(BaseModel):
    """A canned text that an agent picks and then edits; `{name}` and `{agent}` are filled in."""

    title: Label
    text: Annotated[str, Field(min_length=1, max_length=2500)]


class Adviser(BaseModel):
    """A person, user group or channel (its Slack id) that the team often asks, under a name that the team chose."""

    title: Label
    target: Annotated[str, Field(pattern=r"^[UWSCG]\w+$")]


def _rule(title: str) -> str:
    if is_criticism(title):
        raise ValueError("criticism, sarcasm, negative words and complaints can never be a reason to hide a post")
    return title


class HouseRule(BaseModel):
    """A house rule by which a post may be hidden, with the words in which the body published it.

    `second`: a second colleague must agree. `untold`: the citizen is not informed, as with spam.
    """

    title: Annotated[Label, AfterValidator(_rule)]
    text: Annotated[str, Field(min_length=1, max_length=MAX_ARTICLE)]
    second: bool = False
    untold: bool = False


HOUSE_RULES = (
    HouseRule(title="Schelden", text="We schelden niet en beledigen niemand."),
    HouseRule(title="Bedreiging", text="We bedreigen niemand en roepen niet op tot geweld."),
    HouseRule(
        title="Discriminatie",
        text="We discrimineren niet: niet om afkomst, geloof, geslacht, geaardheid, leeftijd of handicap.",
        second=True,
    ),
    HouseRule(
        title="Persoonsgegevens",
        text="We zetten geen adres, telefoonnummer, foto of andere gegevens van onszelf of een ander openbaar.",
    ),
    HouseRule(title="Spam of reclame", text="We plaatsen geen spam en geen reclame.", untold=True),
    HouseRule(title="Herhaling", text="We plaatsen hetzelfde bericht niet steeds opnieuw."),
    HouseRule(title="Strafbaar", text="We plaatsen niets dat strafbaar is en roepen daar niet toe op.", second=True),
)
"""The house rules of a team that has not set its own: those that Dutch public bodies usually publish."""


class TeamSettings(BaseModel):
    """All settings of a team."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    time_zone: str = "Europe/Amsterdam"
    language: Literal["nl", "en"] | None = None
    channel_answers: bool = True
    week: list[list[tuple[ClockTime, ClockTime]]] = Field(default_factory=lambda: list(OFFICE_WEEK))
    always_open: bool = False
    holidays: list[str] = Field(default_factory=lambda: [name for name in HOLIDAYS if name not in NOT_SELF_EVIDENT])
    closed_days: list[date] = Field(default_factory=list)
    early_closings: dict[date, ClockTime] = Field(default_factory=dict)

    norm: Norm = Field(default_factory=Norm)
    urgent: Norm = Field(default_factory=lambda: Norm(first_reaction=15, next_reaction=15))
    private: Norm | None = None
    platforms: dict[str, Norm] = Field(default_factory=dict)

    ladder: list[LadderStep] = Field(
        default_factory=lambda: [LadderStep(percent=s.percent, to=s.to, text=s.text) for s in LADDER]
    )
    coordinators: list[str] = Field(default_factory=list)
    escalation_channel: str = ""
    claim_reminder: Minutes = 30
    claim_return: Minutes = 15
    citizen_days: Annotated[int, Field(ge=1, le=MAX_DAYS)] = 5
    person_months: Annotated[int, Field(ge=1, le=MAX_MONTHS)] = 12
    removed_days: Annotated[int, Field(ge=0, le=MAX_REMOVED_DAYS)] = 30
    """How long the words of a post are stored after its author removed it."""
    images: bool = False
    invitation: Annotated[str, Field(max_length=MAX_INVITATION)] = ""
    way_to_us: Annotated[str, Field(max_length=MAX_INVITATION)] = ""
    """Where a citizen can reach us in private, said in public where the platform takes no private message from us."""

    digest_at: ClockTime | None = None
    spikes: bool = True
    """Whether the team reads that far more comes in than usual."""
    signal_words: Annotated[list[Label], Field(max_length=MAX_SIGNAL_WORDS)] = Field(default_factory=list)
    """Words that make a new post go first; one that ends in `*` stands for all that begin with it."""
    topics: Annotated[list[Label], Field(max_length=MAX_TOPICS)] = Field(default_factory=list)
    close_reasons: Annotated[list[Label], Field(max_length=MAX_REASONS)] = Field(default_factory=list)
    reasons_left_out: list[CloseReason] = Field(default_factory=list)
    snippets: Annotated[list[Snippet], Field(max_length=MAX_LISTED)] = Field(default_factory=list)
    advisers: Annotated[list[Adviser], Field(max_length=MAX_LISTED)] = Field(default_factory=list)
    house_rules: Annotated[list[HouseRule], Field(max_length=MAX_RULES)] = Field(
        default_factory=lambda: list(HOUSE_RULES)
    )
    hide_days: Annotated[int, Field(ge=1, le=MAX_HIDE_DAYS)] = 90
    hide_text: Annotated[str, Field(max_length=MAX_ARTICLE)] = ""
    rota: dict[Annotated[int, Field(ge=0, le=6)], list[str]] = Field(default_factory=dict)
    duty_group: str = ""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if len(self.week) != 7:
            raise ValueError("a week has seven days")
        for day in self.week:
            for interval in day:
                _interval(*interval)
        zone(self.time_zone)
        unknown = set(self.holidays) - set(HOLIDAYS)
        if unknown:
            raise ValueError(f"no such holiday: {', '.join(sorted(unknown))}")
        return self

    @classmethod
    def of(cls, stored: Mapping[str, Any] | None) -> "TeamSettings":
        """Read the stored settings of a team; None means the defaults. Nobody may change what is returned."""
        return _read(json.dumps(stored or {}))

    @classmethod
    def if_readable(cls, team: Team) -> "TeamSettings | None":
        """Read the settings of one of several teams; None, logged, if they cannot be read, so the others go on."""
        with going_on("the settings of a team cannot be read", team=team.id):
            return cls.of(team.settings)
        return None

    def hours(self, now: datetime) -> Hours:
        """Return the opening hours, with the ticked holidays from the year before `now` to two years after."""
        zone = ZoneInfo(self.time_zone)
        years = range(now.year - 1, now.year + 3)
        if self.always_open:
            return Hours(ALWAYS, zone)
        ticked = {dutch_holidays(year)[name] for year in years for name in self.holidays}
        week = tuple(tuple(_interval(*interval) for interval in day) for day in self.week)
        early = {day: _closing(minute(at), week[day.weekday()]) for day, at in self.early_closings.items()}
        return Hours(week, zone, frozenset(ticked | set(self.closed_days)), early)

    def timing(self) -> dict[str, Any]:
        """Return, as JSON, the settings that running clocks depend on: opening hours and ladder, not the norms."""
        return self.model_dump(mode="json", include={*OPENING, "ladder"})

    def policy(self) -> Policy:
        """Return the targets."""
        return Policy(
            self.norm.targets(),
            self.urgent.targets(),
            self.private.targets() if self.private else None,
            {platform: norm.targets() for platform, norm in self.platforms.items()},
        )

    def reasons(self) -> list[str]:
        """Return the reasons to close a case: the standard ones in use, the team's own, and "other" at the end."""
        standard = [each for each in CloseReason if each not in {*self.reasons_left_out, CloseReason.OTHER}]
        return [*standard, *self.close_reasons, CloseReason.OTHER]

    def steps(self) -> tuple[Step, ...]:
        """Return the ladder in order."""
        return tuple(Step(s.percent, s.to, s.text) for s in sorted(self.ladder, key=lambda s: s.percent))


@lru_cache(maxsize=64)
def _read(written: str) -> TeamSettings:
    """Read the same settings once: each click asks what a person may do in a team."""
    return TeamSettings.model_validate(json.loads(written))


def _closing(at: int, day: Sequence[Interval]) -> int:
    """Return when a day closes early; a time before the day opens is that of its night, if it goes on past midnight."""
    is_of_night = any(end > DAY for _, end in day) and at < min(start for start, _ in day)
    return at + DAY if is_of_night else at


def _interval(start: str, end: str) -> Interval:
    """Return an interval in minutes; an end before the start is in the next night."""
    first, last = minute(start), minute(end)
    if first == DAY:
        raise ValueError("a day cannot begin at 24:00")
    if last == first:
        raise ValueError("an opening ends later than it begins")
    return (first, last if last > first else last + DAY)

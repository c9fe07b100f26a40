"""How a platform is tried out: each way to write leads to the post that its connector makes of the platform's own."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.connectors import OURS
from bot.connectors.platform import Capability, Platform
from bot.connectors.trial import Trial, Way, Written
from bot.domain.mention import Act, Permit, permits_from_json

OFFERED = [(platform, platform.trial) for platform in OURS if platform.trial]
WAYS = [(platform, trial, way) for platform, trial in OFFERED for way in trial.ways]
FOLDERS = Path(__file__).parent
AT = datetime(2026, 11, 27, 10, tzinfo=UTC)


def named(case: object) -> str:
    return str(getattr(case, "name", ""))


def written(trial: Trial, way: Way, **more: str) -> Written:
    below = {"root": "P1", "ours": "De brug is dicht"} if way.below else {}
    handle = trial.handle.format(handle="noorjacobs")
    return Written("P2", "c-noor", "Noor Jacobs", handle, "Gemeente Voorbeeld", "Hoe lang?", AT, **{**below, **more})


def test_what_is_offered_can_be_answered_and_has_a_sign() -> None:
    assert len(OFFERED) >= 5
    for platform, trial in OFFERED:
        assert platform.answers and platform.sign and trial.ways, platform.name
        assert len({way.name for way in trial.ways}) == len(trial.ways)
        assert (trial.hidden is not None) is platform.can(Capability.HIDES), platform.name
        assert {way.answered_by for way in trial.ways} - {""} <= {way.name for way in trial.ways}


@pytest.mark.parametrize(("platform", "trial", "way"), WAYS, ids=named)
def test_a_way_leads_to_the_post_that_it_says(platform: Platform, trial: Trial, way: Way) -> None:
    post = way.read(written(trial, way, subject="De brug" if way.has_subject else ""))
    assert (post.private, post.published_at) == (way.private, AT)
    assert "Hoe lang?" in post.text and (not way.has_subject or "De brug" in post.text)
    assert post.conversation in ({None} if not way.private or way.has_subject else {"c-noor"})
    assert post.may_be_answered()
    assert any(permit.act is Act.HIDE for permit in post.permits) <= platform.can(Capability.HIDES)


def documented() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The posts that the connectors make of what their platforms document."""
    for platform, _ in OFFERED:
        for path in sorted((FOLDERS / platform.name / "pairs").glob("*.normalised.json")):
            yield platform.name, json.loads(path.read_text(encoding="utf-8"))


def lasting(permits: frozenset[Permit], since: datetime) -> dict[Act, timedelta | None]:
    return {permit.act: permit.until - since if permit.until else None for permit in permits}


def test_each_documented_post_of_a_kind_allows_what_the_trial_allows_for_as_long() -> None:
    compared = set()
    for name, post in documented():
        written_at = datetime.fromisoformat(post["published_at"])
        real = lasting(permits_from_json(post["permits"]), written_at)
        for platform, trial, way in WAYS:
            tried = way.read(written(trial, way))
            if (name, post["kind"], post["private"]) == (platform.name, tried.kind.value, tried.private):
                lasts = lasting(tried.permits, AT)
                assert real.items() <= lasts.items(), (name, way.name)
                compared.add((name, way.name))
    assert len(compared) >= 7, compared
    assert {name for name, _ in compared} == {platform.name for platform, _ in OFFERED}

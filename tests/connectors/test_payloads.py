"""Payloads as the platforms document them, and the posts that they become: <platform>/pairs/<name>.native.*.

They were written from the platforms' documentation and formats, not recorded from a live server. The platform's driver
reads them.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from bot.connectors import OURS
from bot.domain.mention import Post, permits_to_json
from tests.contracts.drivers import drivers

PAIRS = sorted(Path(__file__).parent.glob("*/pairs/*.native.*"))
READERS = {driver.platform.name: driver.post_of_payload for driver in drivers()}


def platform_of(native: Path) -> str:
    return native.parent.parent.name


def as_json(post: Post) -> dict[str, Any]:
    told = {**asdict(post), "permits": permits_to_json(post.permits), "media": [asdict(each) for each in post.media]}
    found: dict[str, Any] = json.loads(json.dumps(told, default=str))
    return found


@pytest.mark.parametrize("native", PAIRS, ids=lambda path: f"{platform_of(path)}-{path.name.split('.')[0]}")
def test_a_payload_becomes_the_post_beside_it(native: Path) -> None:
    expected = native.with_name(native.name.partition(".")[0] + ".normalised.json")
    assert as_json(READERS[platform_of(native)](native.read_bytes())) == json.loads(expected.read_text("utf-8"))


def test_a_platform_says_whether_it_has_pairs() -> None:
    assert {platform.name for platform in OURS if platform.quality.pairs} == {platform_of(path) for path in PAIRS}

"""Where a post is among the others: what it answers, and what began its thread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bot.sandbox.square.places import Place, Way

Json = dict[str, Any]


def above(posts: Sequence[Json], post: Json) -> list[Json]:
    """The public posts above a post, from the one that it answers up to the first of the thread."""
    by_id, parents = {each["id"]: each for each in posts}, list[Json]()
    while post["in_reply_to"]:
        post = by_id[post["in_reply_to"]]
        if not post["private"]:
            parents.append(post)
    return parents


def way_of_reply(place: Place, posts: Sequence[Json], parent: Json) -> Way | None:
    """The way in which a citizen answers a post."""
    if parent["private"]:
        return place.private_way()
    began = ([parent, *above(posts, parent)])[-1]
    first = place.way(began["way"])
    return place.way(first.answered_by) if first else place.below_team()


def as_there(posts: Sequence[Json], post: Json, team: Json) -> Json:
    """The data with which the bot reads a post as the platform would give it."""
    facts = {"way": post["way"], "subject": post["subject"], "us": team["name"], "conversation": None}
    if post["private"]:
        return {**facts, "parent": post["in_reply_to"] or ""}
    over = above(posts, post)
    if not over:
        return facts
    began = over[-1]
    return {
        **facts,
        "root": began["id"],
        "parent": over[-2]["id"] if len(over) > 1 else "",
        "ours": began["text"] if began["author"]["team"] else "",
        "above": [each["id"] for each in over[1:]],
    }

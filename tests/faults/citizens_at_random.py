"""What citizens do in a schedule: they write, write again, thank, change and remove what they wrote."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from random import Random

from aiohttp import ClientSession

from tests.faults.board import Board
from tests.faults.desks import Process
from tests.faults.platform_server import Clock
from tests.faults.posts import Written
from tests.faults.source import Source, send

NAMES = ("fatima", "jan", "piet", "noor", "bram", "saar")
THANKS = "Bedankt!"


@dataclass
class Citizens:
    """The citizens of both platforms. `accepted` are the posts of which the bot said that it has them."""

    source: Source
    board: Board
    session: ClientSession
    processes: list[Process]
    now: Clock
    log: Callable[[str], None]
    posts: dict[str, Written] = field(default_factory=dict)
    accepted: set[str] = field(default_factory=set)
    news: set[asyncio.Task[None]] = field(default_factory=set)
    patient: bool = True
    _versions: dict[str, int] = field(default_factory=dict)

    async def act(self, dice: Random) -> None:
        """Let somebody write something, or change it."""
        existing = [each for each in self.posts.values() if not each.deleted]
        match dice.choices(("write", "again", "edit", "remove"), (4, 4, 1, 1))[0]:
            case "again" if existing:
                self._write(dice, dice.choice(existing))
            case "edit" if existing:
                post = dice.choice(existing)
                self._say(post, f"Anders dan net: {self._words()}")
                post.edited_at = self.now() + timedelta(microseconds=len(post.words))  # of two at once one is the later
                self._tell(post, "changes", dice)
            case "remove" if existing:
                post = dice.choice(existing)
                post.deleted = True
                self._tell(post, "removes", dice)
            case _:
                self._write(dice, None)

    def _write(self, dice: Random, earlier: Written | None) -> None:
        where = earlier.id[0] if earlier else dice.choice("sb")
        name = f"{where}{len(self.posts) + 1}"
        thread = [each for each in self.posts.values() if earlier and each.opens == earlier.opens]
        post = Written(
            name,
            earlier.author if earlier else dice.choice(NAMES),
            "",
            self.now(),
            earlier.opens if earlier else name,
            dice.choice(thread).id if earlier else None,
            earlier.private if earlier else dice.random() < 0.25,
        )
        self._say(post, THANKS if earlier and dice.random() < 0.25 else f"Mijn vuilnis: {self._words()}")
        self.posts[name] = post
        self._tell(post, "writes", dice)

    def _words(self) -> str:
        return f"geheim{len(self.posts):03}x{sum(self._versions.values())}z"

    def _say(self, post: Written, text: str) -> None:
        post.text = text
        post.words.append(text)

    def _tell(self, post: Written, does: str, dice: Random) -> None:
        """Send the news of a post, in the background: it may be overtaken by other news, and come twice."""
        self._versions[post.id] = self._versions.get(post.id, 0) + 1
        self.log(f"{post.author} {does} {post.id} ({'private, ' if post.private else ''}conversation {post.opens})")
        if post.id[0] == "b":
            self.board.tell(post)
            return
        news = asyncio.create_task(self._until_accepted(replace(post), self._versions[post.id], Random(dice.random())))
        self.news.add(news)
        news.add_done_callback(self.news.discard)

    async def _until_accepted(self, post: Written, version: int, dice: Random) -> None:
        at_least = 1 if dice.random() < 0.85 else 2
        while at_least:
            if dice.random() < 0.3:
                await asyncio.sleep(dice.choice((0.1, 1, 8)))
            alive = [process for process in self.processes if process.alive]
            if alive and await send(self.session, f"{dice.choice(alive).url}/in/plein", post, version):
                self.accepted.add(post.id)
                at_least -= 1
            else:
                await asyncio.sleep(dice.choice((1, 5, 60)) if self.patient else 1)

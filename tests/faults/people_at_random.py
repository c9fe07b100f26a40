"""What colleagues do in a schedule: each looks at what Slack shows, clicks something, fills in the modal, and sends."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random

from bot.sandbox.app import Sandbox
from bot.sandbox.slack import input_state
from bot.sandbox.slack.inspection import text_of
from bot.sandbox.slack.workspace import Channel, Person
from bot.views.handing_over import QUEUE, WHERE
from tests.conftest import CHANNEL, MARIEKE, SANNE, YOUSSEF
from tests.faults.platform_server import Clock, Json

READER, ADVISER = "U0ROOS", "U0AREND"
AGENTS = (SANNE, YOUSSEF, MARIEKE)
EVERYONE = (*AGENTS, READER, ADVISER)
INITIALS = {SANNE: "SB", YOUSSEF: "YA", MARIEKE: "MV", READER: "RR", ADVISER: "AD"}
OTHERS = "C0ESCALATIE"
BEHEER = "C0BEHEER"
"""The channel of a second team, in which some of the colleagues are too."""

WEIGHTS = {
    "case:answer": 8,
    "case:claim": 3,
    "case:more": 6,
    "case:escalate": 2,
    "case:advise": 5,
    "case:undo": 4,
    "case:undo_act": 3,
    "case:hide_agree": 4,
    "case:settle_sent": 6,
    "case:settle_absent": 6,
    "list:close": 4,
    "list:hand_over": 4,
}
"""How often each button is clicked; all others once."""
UNDO = ("case:undo_close", "case:undo_hand_over")
"""Buttons that work for some seconds after something was done at once."""
IN_DETAILS = ("case:urgent", "case:not_urgent", "case:topic")
ACTS = ("like:", "like_one:", "unlike:", "unlike_one:", "hide:", "show:", "show_one:", "remove:")
"""What the menu begins with a post, which is chosen more often."""
LEFT_ALONE = (
    "settings:",
    "snippet:",
    "adviser:",
    "platform:",
    "initials:",
    "case:open",
    "figures:",
    "account:",
    "route:",
)
"""Buttons of which the schedules say nothing."""


@dataclass
class People:
    """The colleagues. `approved` are the words of answers that the modal took, `clicks` what was clicked where."""

    slack: Sandbox
    now: Clock
    log: Callable[[str], None]
    is_published: Callable[[str], bool]
    approved: list[str] = field(default_factory=list)
    _busy: set[str] = field(default_factory=set)
    _count: int = 0

    def move_in(self) -> None:
        """Add a reader, an adviser and the channel of the second team to the workspace."""
        workspace = self.slack.workspace
        for who, name in ((READER, "Roos Reader"), (ADVISER, "Arend Adviseur")):
            workspace.people[who] = Person(who, name.split()[0].lower(), name)
            workspace.channels[OTHERS].members.add(who)
        workspace.channels[CHANNEL].members.add(READER)
        bot = self.slack.app.user_id
        workspace.add_channel(Channel(BEHEER, "beheer", members={bot, YOUSSEF, MARIEKE}))

    async def act(self, dice: Random) -> None:
        """Let somebody do something, from the first click to the last modal; nobody does two things at once."""
        who = dice.choices(EVERYONE, (5, 5, 3, 2, 2))[0]
        if who in self._busy:
            return
        self._busy.add(who)
        try:
            await self._act(who, dice)
        finally:
            self._busy.discard(who)

    async def _act(self, who: str, dice: Random) -> None:
        if not self.slack.view(who):
            match dice.choices(("say", "home", "click"), (10, 8, 82))[0]:
                case "say":
                    await self._say(who, dice)
                case "home":
                    await self._at_home(who, dice)
                case _:
                    await self._click(who, dice)
        for _ in range(4):
            await asyncio.sleep(dice.choice((1, 2, 5, 20)))
            if self.slack.view(who):
                goes_on = await self._in_modal(who, dice)
            else:
                goes_on = await self._regret(who, dice)
            if not goes_on:
                return

    async def _say(self, who: str, dice: Random) -> None:
        """Type a command, or write in a thread."""
        if dice.random() < 0.6:
            words = dice.choice(("weg", "terug", "dienst", "dienst uit", "", "zoek vuilnis", "mijn", "open", "help"))
            self.log(f"{who} types /webcare {words}")
            if who in self.slack.workspace.channels[CHANNEL].members:
                await self.slack.command(who, CHANNEL, f"/webcare {words}")
            return
        cards = self.slack.messages(CHANNEL)
        if cards and who in self.slack.workspace.channels[CHANNEL].members:
            card = dice.choice(cards)
            self.log(f"{who} writes in the thread of {_about(card)}")
            await self.slack.post(who, CHANNEL, self._words("notitie"), thread_ts=card["ts"])

    async def _click(self, who: str, dice: Random) -> None:
        offered = list(self._offered(who))
        if not offered:
            return
        channel, message, block, element = dice.choices(
            offered, [WEIGHTS.get(element["action_id"], 1) for _, _, _, element in offered]
        )[0]
        choice = _choice(element, dice)
        if element["action_id"] in {"case:settle_sent", "case:settle_absent"} and not self._is_true(message, element):
            return
        twice = dice.random() < 0.06
        value = choice or element.get("value", "")
        self.log(f"{who} clicks {element['action_id']} {value} on {_about(message)}{' twice' if twice else ''}")
        chosen = input_state.choice(element, choice) if choice else {}
        action = input_state.action(block, element, chosen)
        click = [self.slack.act_in_message(who, channel, message["ts"], action) for _ in range(2 if twice else 1)]
        await asyncio.gather(*click)

    def _is_true(self, message: Json, element: Json) -> bool:
        """Whether a person who looks on the platform would click this: nobody lies about what is there."""
        return self.is_published(text_of(message)) is (element["action_id"] == "case:settle_sent")

    def _offered(self, who: str) -> Iterator[tuple[str, Json, Json, Json]]:
        """All that somebody can click in messages, the newest last; of those that only they see the last two."""
        for channel in self.slack.workspace.channels.values():
            if who in channel.members:
                shown = [*self.slack.workspace.messages[channel.id].values(), *self._own(who, channel.id)]
                for message in shown:
                    for block, element in _elements(message):
                        yield channel.id, message, block, element

    def _own(self, who: str, channel: str) -> list[Json]:
        return self.slack.ephemerals(who, channel)[-2:]

    async def _regret(self, who: str, dice: Random) -> bool:
        """Undo, now and then, what a message says that only this person sees; tells whether they did."""
        offered = [
            (channel, message, block, element)
            for channel, message, block, element in self._offered(who)
            if element["action_id"] in UNDO and message in self._own(who, channel)[-1:]
        ]
        if not offered or dice.random() < 0.4:
            return False
        channel, message, block, element = offered[-1]
        self.log(f"{who} clicks {element['action_id']} {element['value']}")
        await self.slack.act_in_message(who, channel, message["ts"], input_state.action(block, element, {}))
        return True

    # -- the Home

    async def _at_home(self, who: str, dice: Random) -> None:
        """Open the Home, and click something there."""
        await self.slack.open_home(who)
        for _ in range(dice.randint(1, 2)):
            await asyncio.sleep(dice.choice((1, 2)))
            home = self.slack.home(who)
            if home is None or self.slack.view(who) or not await self._click_in(who, home, list(_elements(home)), dice):
                return

    async def _click_in(self, who: str, view: Json, offered: list[tuple[Json, Json]], dice: Random) -> bool:
        """Click one of these elements of a view; tells whether there was one."""
        if not offered:
            return False
        weights = [WEIGHTS.get(element["action_id"], 1) for _, element in offered]
        block, element = dice.choices(offered, weights)[0]
        choice = _choice(element, dice)
        self.log(f"{who} clicks {element['action_id']} {choice or element.get('value', '')} in {view['callback_id']}")
        chosen = input_state.choice(element, choice) if choice else {}
        await self.slack.act_in_view(who, view["id"], input_state.action(block, element, chosen))
        return True

    # -- modals

    async def _in_modal(self, who: str, dice: Random) -> bool:
        """Fill in and send the modal on top; tells whether there may be another."""
        view = self.slack.view(who)
        assert view is not None
        what = view["callback_id"]
        if what == "said" and dice.random() < 0.5:
            wanted = [(block, each) for block, each in _elements(view) if each["action_id"] in (*UNDO, *IN_DETAILS)]
            if await self._click_in(who, view, wanted, dice):
                return True
        if what in {"loading", "said"} or dice.random() < 0.08:
            await self.slack.close_view(who)
            return False
        if what == "more":
            return await self._choose(who, view, dice)
        if not view.get("submit"):
            await self.slack.close_view(who)
            return False
        if what == "case:answer" and dice.random() < 0.5:
            view = await self._change_kind(who, dice) or view
        if what == "case:answer" and dice.random() < 0.4 and not await self._type(who, view, dice):
            return False
        if view["callback_id"] != what:  # meanwhile the modal shows something else, as a fault of Slack
            return True
        values, words = self._filled(who, view, dice)
        twice = dice.random() < 0.06
        self.log(f"{who} sends {what} {values}{' twice' if twice else ''}")
        try:
            acks = await asyncio.gather(
                *(self.slack.submit(who, values, view_id=view["id"]) for _ in range(2 if twice else 1))
            )
        except LookupError:  # a field has just gone: the modal follows what was chosen in it
            return True
        if any(ack.ok and ack.payload is None and what == "case:answer" for ack in acks):
            self.approved.append(words)
        if any(ack.errors for ack in acks) and dice.random() < 0.7:
            await self.slack.close_view(who)
            return False
        return True

    async def _choose(self, who: str, view: Json, dice: Random) -> bool:
        offered = [e for _, e in input_state.elements(view["blocks"]) if e.get("action_id") == "case:more"]
        if not offered:
            await self.slack.close_view(who)
            return False
        weights = [3 if each["value"].startswith(("transfer:", *ACTS)) else 1 for each in offered]
        value = dice.choices(offered, weights)[0]["value"]
        self.log(f"{who} chooses {value} in the modal")
        await self.slack.click_in_view(who, "case:more", value=value, view_id=view["id"])
        return True

    async def _type(self, who: str, view: Json, dice: Random) -> bool:
        """Type some keys at once, which come in as they come in; tells whether the modal is left open."""
        words = self._words("concept")
        self.log(f"{who} types {words}")
        lengths = sorted(dice.sample(range(1, len(words) + 1), 4))
        keys = [self.slack.type(who, "answer_text", words[:length], view_id=view["id"]) for length in lengths]
        stays = dice.random() < 0.6
        await asyncio.gather(*keys, *([] if stays else [self.slack.close_view(who, view["id"])]))
        return stays

    async def _change_kind(self, who: str, dice: Random) -> Json | None:
        view = self.slack.view(who)
        if view and any(e.get("action_id") == "answer_kind" for _, e in input_state.elements(view["blocks"])):
            await self.slack.click_in_view(who, "answer_kind", dice.choice(("interim", "question", "final")))
            await asyncio.sleep(2)
        return self.slack.view(who)

    def _filled(self, who: str, view: Json, dice: Random) -> tuple[Json, str]:
        """What somebody fills in, by action_id, and the words in it that stand nowhere else."""
        filled, words = Json(), self._words("antwoord")
        for _, element in input_state.elements(view["blocks"]):
            name = element.get("action_id", "")
            match element["type"]:
                case "plain_text_input" if name == "initials":
                    filled[name] = INITIALS[who]
                case "plain_text_input":
                    filled[name] = words
                case "radio_buttons" | "static_select" if name != "answer_kind" and dice.random() < 0.6:
                    filled[name] = dice.choice(element["options"])["value"]
                case "users_select":
                    filled[name] = dice.choice(AGENTS if name == "assign_to" else EVERYONE)
                case "multi_users_select" if dice.random() < 0.7 and filled.get(WHERE) != QUEUE:
                    filled[name] = dice.sample(AGENTS, dice.randint(1, 2))
                case "checkboxes" if not element.get("initial_options") or dice.random() < 0.5:
                    options = [each["value"] for each in element["options"]]
                    filled[name] = dice.sample(options, dice.randint(1, min(3, len(options))))
                case "datetimepicker":
                    later = self.now() + timedelta(hours=dice.choice((1, 5, 30, 100)))
                    filled[name] = int(later.timestamp())
        if "escalate_group" in filled or "escalate_adviser" in filled:
            filled.pop("escalate_colleague", None)
            if "escalate_group" in filled and "escalate_adviser" in filled:
                del filled["escalate_group"]
        return filled, words

    def _words(self, kind: str) -> str:
        self._count += 1
        return f"{kind.title()} zegsel{self._count:03}q."


def _elements(shown: Json) -> list[tuple[Json, Json]]:
    """What somebody can click in a message or view, with its block."""
    return [
        (block, element)
        for block, element in input_state.elements(shown.get("blocks", []))
        if not element.get("action_id", "settings:").startswith(LEFT_ALONE)
    ]


def _choice(element: Json, dice: Random) -> str:
    """What somebody chooses in a menu, or types; "" for a button."""
    if element["type"] == "plain_text_input":
        return dice.choice(("vuilnis", "fatima"))
    groups = [element, *element.get("option_groups", [])]
    values = [str(each["value"]) for group in groups for each in group.get("options", [])]
    if not values:
        return ""
    return dice.choices(values, [4 if value.startswith(("more:", *ACTS)) else 1 for value in values])[0]


def _about(message: Json) -> str:
    """The key of one of our messages, which says what it shows."""
    return str(message.get("metadata", {}).get("event_payload", {}).get("key", message.get("text", "")[:20]))

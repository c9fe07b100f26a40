"""What a person does. Each action returns once the app has acknowledged it, or failed to.

The page and the tests act through these same functions. Tests that run the app in the same process set
`listeners_end`, so that an action returns only when the app's listeners have ended.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from bot.sandbox.slack import app_answers, events, files, input_state, payloads, suggestions
from bot.sandbox.slack.delivery import Acknowledgement, Delivery, Kind
from bot.sandbox.slack.workspace import Change, Channel, Workspace

Json = dict[str, Any]
LOG = logging.getLogger(__name__)
GONE = Acknowledgement(False, reason="gone")


class PersonActions:
    """The actions of people in a workspace, delivered to the app."""

    workspace: Workspace
    delivery: Delivery
    listeners_end: Callable[[], Awaitable[None]] | None = None
    _tasks: set[asyncio.Task[Any]]

    # -- messages

    async def post(self, person: str, channel: str, text: str, *, thread_ts: str = "") -> Acknowledgement:
        """Write a message or reply, or send a known slash command. The result has the `message`."""
        if text.startswith("/") and self._known(text.partition(" ")[0]):
            return await self.command(person, channel, text)
        fields: Json = {"user": person, "text": text}
        if thread_ts:
            fields["thread_ts"] = thread_ts
        message = self.workspace.add_message(channel, fields)
        ack = await self._emit_all(events.message_posted(self.workspace, channel, message))
        return Acknowledgement(ack.ok, reason=ack.reason, message=message)

    async def edit(self, person: str, channel: str, ts: str, text: str) -> Acknowledgement:
        """Change a message of this person."""
        before = dict(self.workspace.messages[channel][ts])
        message = self.workspace.change_message(
            channel, ts, {"text": text, "edited": {"user": person, "ts": self.workspace.new_ts()}}
        )
        return await self._emit_all(events.message_changed(self.workspace, channel, message, before))

    async def delete(self, channel: str, ts: str) -> Acknowledgement:
        """Delete a message of a person or the app."""
        before = self.workspace.delete_message(channel, ts)
        return await self._emit_all(events.message_deleted(self.workspace, channel, before))

    # -- clicks in messages

    async def click(
        self,
        person: str,
        channel: str,
        ts: str,
        action_id: str,
        choice: Any = None,
        *,
        value: str = "",
        block_id: str = "",
    ) -> Acknowledgement:
        """Click an element of a message; `choice` is the option's value or the chosen id.

        `value` or `block_id` select one of several elements with this action_id. Raises LookupError if there is none.
        """
        message = self._message(person, channel, ts)
        if message is None:
            return GONE
        block, element = _element(message.get("blocks", []), action_id, value, block_id)
        return await self.act_in_message(
            person, channel, ts, input_state.action(block, element, input_state.choice(element, choice))
        )

    async def act_in_message(
        self, person: str, channel: str, ts: str, action: Json, state: Json | None = None
    ) -> Acknowledgement:
        """Send an action of a message, with the state of its inputs."""
        message = self._message(person, channel, ts)
        if message is None:
            return GONE
        blocks = message.get("blocks", [])
        named = _named_element(blocks, action) or _same_element(blocks, action)
        if named is None:
            return GONE
        values = input_state.values(message["blocks"], state)
        _set_value(values, named, action)
        payload = payloads.block_actions_in_message(
            self.workspace,
            person,
            self.workspace.channels[channel],
            message,
            input_state.action(*named, _chosen(named[1], action)),
            values,
            ephemeral=(channel, ts) in self.workspace.ephemerals,
        )
        return await self._deliver(Kind.INTERACTION, payload)

    # -- modals and App Home

    async def click_in_view(
        self,
        person: str,
        action_id: str,
        choice: Any = None,
        *,
        value: str = "",
        block_id: str = "",
        view_id: str = "",
    ) -> Acknowledgement:
        """Click an element of a modal or App Home (by default the modal on top, else the home).

        An input that does not dispatch only stores the value; the app gets it at submission.
        """
        view = self._view(person, view_id)
        if view is None:
            return GONE
        block, element = _element(view["blocks"], action_id, value, block_id)
        action = input_state.action(block, element, input_state.choice(element, choice))
        if block["type"] == "input" and not block.get("dispatch_action"):
            _set_value(view["state"]["values"], (block, element), action)
            return Acknowledgement(True)
        return await self.act_in_view(person, view["id"], action)

    async def type(
        self, person: str, action_id: str, text: str, *, view_id: str = "", block_id: str = ""
    ) -> Acknowledgement:
        """Type in a text input of a modal or App Home."""
        return await self.click_in_view(person, action_id, text, block_id=block_id, view_id=view_id)

    async def suggest(
        self, person: str, action_id: str, typed: str, *, view_id: str = "", block_id: str = ""
    ) -> list[Json]:
        """Type in an external select of a modal or App Home; returns the options that the app offers.

        Choose one with `click_in_view`, which takes the whole option.
        """
        view = self._view(person, view_id)
        if view is None:
            return []
        block, select = _element(view["blocks"], action_id, "", block_id)
        if len(typed) < int(select.get("min_query_length", 3)):
            return []
        payload = payloads.block_suggestion(self.workspace, person, view, (block, select), typed)
        ack = await self._deliver(Kind.INTERACTION, payload)
        return suggestions.options_of(ack.payload) if ack.ok else []

    async def act_in_view(self, person: str, view_id: str, action: Json, state: Json | None = None) -> Acknowledgement:
        """Send an action of a view, with the state of its inputs."""
        view = self._view(person, view_id)
        named = _named_element(view["blocks"], action) if view else None
        if view is None or named is None:
            return GONE
        if state is not None:
            view["state"]["values"] = self._stated(person, view, state)
        _set_value(view["state"]["values"], named, action)
        sent = input_state.action(*named, _chosen(named[1], action))
        payload = payloads.block_actions_in_view(self.workspace, person, view, sent)
        return await self._deliver(Kind.INTERACTION, payload)

    async def submit(
        self,
        person: str,
        values: Json | None = None,
        *,
        view_id: str = "",
        state: Json | None = None,
    ) -> Acknowledgement:
        """Submit a modal (by default the one on top), after filling in `values` by action_id.

        `state` is Slack's whole state.values instead. An incomplete modal is not sent: see `errors`.
        """
        view = self._view(person, view_id)
        if view is None or view["type"] != "modal":
            return GONE
        if state is not None:
            view["state"]["values"] = self._stated(person, view, state)
        for action_id, chosen in (values or {}).items():
            block, element = _element(view["blocks"], action_id, "", "")
            action = input_state.action(block, element, input_state.choice(element, chosen))
            _set_value(view["state"]["values"], (block, element), action)
        errors = input_state.problems(view["blocks"], view["state"]["values"])
        if errors:
            return Acknowledgement(False, reason="incomplete", errors=errors)
        payload = payloads.view_submission(self.workspace, person, view)
        return await self._deliver(
            Kind.INTERACTION,
            payload,
            effect=lambda ack: app_answers.after_submission(self.workspace, person, view, ack),
        )

    def give_file(self, person: str, name: str, content: bytes) -> Json:
        """Choose a file from this person's machine for a field of a modal; returns it as Slack describes it."""
        return files.give(self.workspace, person, name, content)

    async def close_view(self, person: str, view_id: str = "") -> Acknowledgement:
        """Close a modal (by default the one on top), back to the one below."""
        view = self._view(person, view_id)
        stack = self.workspace.stacks.get(person, [])
        if view is None or view not in stack:
            return GONE
        self.workspace.set_stack(person, stack[: stack.index(view)])
        if not view["notify_on_close"]:
            return Acknowledgement(True)
        payload = payloads.view_closed(self.workspace, person, view, cleared=False)
        return await self._deliver(Kind.INTERACTION, payload)

    async def open_home(self, person: str) -> Acknowledgement:
        """Open the app's Home tab."""
        return await self._emit_all(events.home_opened(self.workspace, person))

    # -- commands and shortcuts

    async def command(self, person: str, channel: str, text: str) -> Acknowledgement:
        """Send a slash command, such as "/search passport", and show its answer."""
        name, _, rest = text.partition(" ")
        if not self._known(name):
            return Acknowledgement(False, reason="unknown_command")
        where = self.workspace.channels[channel]
        payload = payloads.slash_command(self.workspace, person, where, name, rest.strip())
        return await self._deliver(
            Kind.COMMAND, payload, effect=lambda ack: app_answers.after_command(self.workspace, person, channel, ack)
        )

    async def shortcut(self, person: str, callback_id: str, *, channel: str = "", ts: str = "") -> Acknowledgement:
        """Choose a global shortcut, or with a message's channel and ts a message shortcut."""
        if not ts:
            payload = payloads.global_shortcut(self.workspace, person, callback_id)
        else:
            message = self._message(person, channel, ts)
            if message is None:
                return GONE
            where = self.workspace.channels[channel]
            payload = payloads.message_action(self.workspace, person, callback_id, where, message)
        return await self._deliver(Kind.INTERACTION, payload)

    # -- status

    def set_status(self, person: str, emoji: str = "", text: str = "", *, until: float = 0.0) -> None:
        """Set a person's status until a moment (0: until it is changed); an empty one clears it."""
        who = self.workspace.people[person]
        who.status_emoji, who.status_text, who.status_until = emoji, text, until
        self.workspace.notify(Change("people"))

    def do_not_disturb(self, person: str, minutes: float) -> None:
        """Pause a person's notifications for this many minutes; 0 ends the pause."""
        who, now = self.workspace.people[person], self.workspace.now()
        who.dnd_from, who.dnd_until = now, now + 60 * minutes

    # -- channels

    async def join(self, person: str, channel: str) -> Acknowledgement:
        """Join a channel (or, with the app's user id, invite the app)."""
        self.workspace.channels[channel].members.add(person)
        self.workspace.notify(Change("channel", channel=channel))
        return await self._emit_all(events.member_changed(self.workspace, channel, person, joined=True))

    async def leave(self, person: str, channel: str) -> Acknowledgement:
        """Leave a channel (or, with the app's user id, remove the app)."""
        left = events.member_changed(self.workspace, channel, person, joined=False)
        self.workspace.channels[channel].members.discard(person)
        self.workspace.notify(Change("channel", channel=channel))
        if person == self.workspace.app.user_id:
            left += events.channel_changed(self.workspace, channel, "left")
        return await self._emit_all(left)

    async def archive(self, channel: str, *, again_open: bool = False) -> Acknowledgement:
        """Archive a channel, or reopen an archived one."""
        self.workspace.channels[channel].archived = not again_open
        self.workspace.notify(Change("channel", channel=channel))
        change = "unarchive" if again_open else "archive"
        return await self._emit_all(events.channel_changed(self.workspace, channel, change))

    def open_im(self, person: str, other: str) -> Channel:
        """The direct message of two people."""
        return self.workspace.open_im(person, other)

    # -- the app

    async def uninstall(self) -> Acknowledgement:
        """Remove the app from the workspace: its bot token no longer works."""
        self.workspace.app.revoked[self.workspace.app.bot_token] = "account_inactive"
        return await self._emit_all(events.uninstalled(self.workspace))

    def install_again(self) -> None:
        """Make the revoked tokens work again."""
        self.workspace.app.revoked.clear()

    # -- events

    async def emit(self, event: Json) -> Acknowledgement:
        """Deliver an event; if it is not acknowledged, send it again in the background, by Slack's schedule."""
        payload = payloads.event_callback(self.workspace, event)
        ack = await self._deliver(Kind.EVENT, payload)
        if not ack.ok and ack.retry:
            self.in_background(self._redeliver(payload, ack.reason))
        return ack

    def in_background(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run a task that nobody waits for; it is cancelled when the workspace stops."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            LOG.error("a background task failed", exc_info=error)

    async def _redeliver(self, payload: Json, reason: str) -> None:
        for attempt, wait in enumerate(self.workspace.rules.redelivery_seconds, start=1):
            await asyncio.sleep(wait)
            ack = await self.delivery.deliver(Kind.EVENT, payload, attempt, reason)
            if ack.ok or not ack.retry:
                return
            reason = ack.reason

    async def _emit_all(self, sent: list[Json]) -> Acknowledgement:
        ack = Acknowledgement(True)
        for event in sent:
            ack = await self.emit(event)
        return ack

    async def _deliver(
        self, kind: Kind, payload: Json, *, effect: Callable[[Acknowledgement], Acknowledgement] | None = None
    ) -> Acknowledgement:
        """Deliver a payload; `effect` applies its acknowledgement to the workspace at once."""
        ack = await self.delivery.deliver(kind, payload)
        if effect is not None and ack.ok:
            ack = effect(ack)
        if self.listeners_end is not None:
            await self.listeners_end()
        return ack

    # -- what a person can see

    def _stated(self, person: str, view: Json, state: Json) -> Json:
        """The state that the page sends; for files it sends only ids."""
        values = input_state.values(view["blocks"], state)
        for block, element in input_state.elements(view["blocks"]):
            if element["type"] == "file_input":
                entry = values[block["block_id"]][element["action_id"]]
                entry["files"] = files.given(self.workspace, person, entry.get("files"))
        return values

    def _known(self, command: str) -> bool:
        return any(each["command"] == command for each in self.workspace.app.commands)

    def _message(self, person: str, channel: str, ts: str) -> Json | None:
        own = self.workspace.ephemerals.get((channel, ts))
        if own is not None:
            return own.message if own.to == person else None
        return self.workspace.messages.get(channel, {}).get(ts)

    def _view(self, person: str, view_id: str) -> Json | None:
        mine = [view for owner, view in self.workspace.views() if owner == person]
        if view_id:
            return next((view for view in mine if view["id"] == view_id), None)
        stack = self.workspace.stacks.get(person, [])
        return stack[-1] if stack else self.workspace.homes.get(person)


def _element(blocks: list[Json], action_id: str, value: str, block_id: str) -> tuple[Json, Json]:
    for block, element in input_state.elements(blocks):
        if element.get("action_id") != action_id or (block_id and block["block_id"] != block_id):
            continue
        if not value or element.get("value") == value:
            return block, element
    present = [element.get("action_id") for _, element in input_state.elements(blocks)]
    raise LookupError(f"no element {action_id!r} here, only {present}")


def _named_element(blocks: list[Json], action: Json) -> tuple[Json, Json] | None:
    """The element that an action names, if it still exists."""
    for block, element in input_state.elements(blocks):
        if block["block_id"] == action.get("block_id") and element.get("action_id") == action.get("action_id"):
            return block, element
    return None


def _same_element(blocks: list[Json], action: Json) -> tuple[Json, Json] | None:
    """The element that does the same as the clicked one: each change of a message gives its blocks new ids."""
    for block, element in input_state.elements(blocks):
        if all(element.get(name) == action.get(name) for name in ("type", "action_id", "value")):
            return block, element
    return None


def _chosen(element: Json, action: Json) -> Json:
    """The part of an action that a person chooses; the rest comes from the app's element."""
    name = input_state.field(element)
    if not name:
        return {}
    chosen = action.get(name)
    if element["type"].endswith("external_select"):
        return {name: chosen}
    if name == "selected_option" and chosen is not None:
        return input_state.choice(element, chosen["value"])
    if name == "selected_options":
        return input_state.choice(element, [each["value"] for each in chosen or []])
    return {name: chosen}


def _set_value(values: Json, named: tuple[Json, Json], action: Json) -> None:
    """Store what an action chose in the state."""
    block, element = named
    if element["type"] in input_state.VALUES:
        entry = {"type": element["type"], **_chosen(element, action)}
        values.setdefault(block["block_id"], {})[element["action_id"]] = entry

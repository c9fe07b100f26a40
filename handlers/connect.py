"""Connect accounts from the settings: a coordinator signs in on the platform's page, and chooses what to connect."""

from typing import Any

from bot import accounts, connectors
from bot.accounts import sign_in
from bot.accounts.sign_in import Connected, SignIns
from bot.config import BadSettings
from bot.connectors.base import Verdict
from bot.connectors.http import is_readable_on_its_way, server_of
from bot.connectors.platform import OptionKind, Platform
from bot.desk import TeamDesk
from bot.domain.label import Label
from bot.domain.text import Refused, Text, Wrong, text
from bot.models import SigningIn, SigningInStage
from bot.slack import messages
from bot.views import connecting as views
from bot.views.block import Block
from handlers.bolt_args import Ack
from handlers.modal import going_on, opened, remembered, values


async def listed(desk: TeamDesk, team_id: int) -> Block:
    """Return the list of a team's accounts, and the platforms where another can be connected."""
    async with desk.reading() as session:
        rows = [row for row in await accounts.of_team(session, team_id) if connectors.known(row.platform)]
        places = [
            views.Place(platform.name, Label(platform.title, "", platform.sign), _is_ready(known))
            for platform in _platforms()
            for known in [await sign_in.known(session, desk.settings, platform, team_id)]
        ]
    return views.accounts_page(team_id, [(row, connectors.label_of(row)) for row in rows], places, desk.t)


def _platforms() -> list[Platform]:
    return [platform for platform in connectors.registry().platforms.values() if platform.sign_in]


def _is_ready(known: sign_in.Known) -> bool:
    """Tell whether nothing is missing that may not be typed in Slack: the address of a server may, a secret may not."""
    return all(option.kind is OptionKind.SERVER for option in known.lacks)


async def open_connect(action: dict[str, Any], body: dict[str, Any], by: str, desk: TeamDesk) -> None:
    """Ask for the missing address, or say where to sign in."""
    team_id = remembered(body["view"])["team"]
    async with going_on(desk, body) as show:
        platform = _platform(action["value"])
        async with desk.reading() as session:
            known = await sign_in.known(session, desk.settings, platform, team_id)
        if known.lacks:
            await show(views.server_modal(team_id, platform.name, platform.title, desk.t))
        else:
            await show(await _begun(desk, platform, known, team_id, by))


async def begin(ack: Ack, view: dict[str, Any], by: str, desk: TeamDesk) -> None:
    """Say where to sign in, on the server that was given."""
    metadata = remembered(view)
    platform = _platform(metadata["platform"])
    server = server_of(values(view)["server"] or "")
    if not server or (is_readable_on_its_way(server) and not desk.settings.allow_private_addresses):
        raise Wrong({"server": text("This is no address of a server. It begins with https://.")})
    async with desk.reading() as session:
        known = await sign_in.known(session, desk.settings, platform, metadata["team"])
    shown = await _begun(desk, platform, known, metadata["team"], by, url=server)
    await ack(response_action="update", view=shown)


async def _begun(
    desk: TeamDesk, platform: Platform, known: sign_in.Known, team_id: int, by: str, *, url: str = ""
) -> Block:
    public = sign_in.callback(desk.settings, platform.name)
    try:
        begun = await SignIns.of(desk).begin(
            platform, team_id=team_id, url=url or known.url, options=known.options, given=known.given,
            redirect=public or sign_in.loopback(desk.settings, platform.name), by=by,
        )  # fmt: skip
    except Verdict as verdict:
        raise Refused(verdict.text.message, **verdict.text.params) from None
    except BadSettings as problem:
        raise Refused("It cannot be stored: {problem}", problem=str(problem)) from None
    paste = "" if public else platform.name
    return views.sign_in_modal(team_id, platform.title, begun.address, desk.t, paste=paste)


async def paste(ack: Ack, view: dict[str, Any], by: str, desk: TeamDesk) -> None:
    """Take the address at which the coordinator's browser ended, and ask what to connect."""
    metadata = remembered(view)
    query = sign_in.query_of(values(view)["came_out"] or "")
    try:
        row = await SignIns.of(desk).finish(metadata["platform"], query, by=by, team_id=metadata["team"])
    except Refused as refused:
        raise Wrong({"came_out": refused.text}) from None
    if row.stage is SigningInStage.FAILED:
        raise _failed(row)
    await messages.wake_lanes(desk)
    shown = views.choose_modal(metadata["team"], row, connectors.title(row.platform), desk.t)
    await ack(response_action="update", view=shown)


def _failed(row: SigningIn) -> Refused:
    problem = Text.from_json(row.problem or {})
    return Refused(problem.message, **problem.params)


async def open_choose(action: dict[str, Any], body: dict[str, Any], by: str, desk: TeamDesk) -> None:
    """Ask which accounts of a sign-in to connect."""
    async with opened(desk, body) as show:
        async with desk.reading() as session:
            row = await session.get(SigningIn, int(action["value"]))
        if row is None or row.by != by or row.stage is not SigningInStage.SIGNED_IN:
            raise sign_in.over()
        await show(views.choose_modal(row.team_id, row, connectors.title(row.platform), desk.t))


async def choose(ack: Ack, view: dict[str, Any], by: str, desk: TeamDesk) -> None:
    """Connect the chosen accounts, and show the result for each."""
    metadata = remembered(view)
    chosen = values(view)["offers"] or []
    if not chosen:
        raise Wrong({"offers": text("Choose at least one.")})
    done = await SignIns.of(desk).choose(metadata["sign_in"], chosen, by=by)
    await ack(
        response_action="update", view=views.connected_page(metadata["team"], [_result(each) for each in done], desk.t)
    )
    await messages.wake_lanes(desk)


def _result(done: Connected) -> views.Result:
    is_stopped = done.account is not None and done.account.is_stopped_by_hand
    steps = bool(done.first_steps)
    return views.Result(done.name, done.health.problems, done.health.warnings, done.is_new, steps, is_stopped)


def _platform(name: str) -> Platform:
    chosen = next((platform for platform in _platforms() if platform.name == name), None)
    if chosen is None:
        raise Refused("Nobody can sign in on this platform from here.")
    return chosen

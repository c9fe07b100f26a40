"""Let Slack check our blocks: the newest message of each kind, every team's Home, a week's figures.

https://docs.slack.dev/reference/methods/blocks.validate
"""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import accounts, db
from bot.config import Settings
from bot.connectors.http import new_client
from bot.desk import Desk
from bot.disk import Disk
from bot.domain.figures import Figures, Overview, Part, Source, Span
from bot.figures.home import home
from bot.models import Message
from bot.slack.calls import SlackDown, SlackLater, SlackRefuses, call, slack_client, slack_session
from bot.slack.check import Finding
from bot.slack.rendering import team_of, view_of
from bot.steady_clock import utc_now
from bot.team import teams
from bot.texts import Texts
from bot.views.block import Block
from bot.views.digest import overview
from bot.views.home import home_tab

Shown = tuple[str, list[dict[str, Any]]]
"""What is shown, and its forms for blocks.validate; Slack must accept one of them."""


async def findings(settings: Settings, engine: AsyncEngine) -> AsyncIterator[Finding]:
    """Yield what Slack finds wrong with our blocks, or that it accepts all of them."""
    if not settings.slack_bot_token.get_secret_value():
        return
    count, wrong = 0, 0
    async with slack_session(settings) as session, new_client(allow_private=False) as platforms:
        client = slack_client(settings, session)
        desk = Desk(
            settings=settings, session=db.sessions(engine), reading=db.readings(engine), slack=client,
            connector=accounts.connector_of(settings, platforms, utc_now, db.sessions(engine)), http=platforms,
            wake=lambda _: None, now=utc_now, disk=Disk(engine, utc_now),
        )  # fmt: skip
        for about, forms in await _all_shown(desk):
            try:
                problem = await _problem(client, forms)
            except (SlackDown, SlackLater) as failed:
                yield Finding("Blocks", False, f"Slack does not check them now ({failed}): try again later.")
                return
            count, wrong = count + 1, wrong + bool(problem)
            if problem:
                yield Finding(f"Blocks of {about}", False, f"Slack refuses them: {problem}. Please report this.")
    if not wrong:
        yield Finding("Blocks", True, f"Slack takes what we show: all {count} that it checked.")


async def _problem(client: AsyncWebClient, forms: list[dict[str, Any]]) -> str:
    """Return what is wrong with the first form if Slack accepts none of them; "" if it accepts one."""
    problems = []
    for form in forms:
        try:
            await call(client, "blocks.validate", **form)
        except SlackRefuses as refusal:
            problems.append("; ".join(refusal.details[:3]) or refusal.error)
        else:
            return ""
    return problems[0]


async def _all_shown(desk: Desk) -> list[Shown]:
    async with desk.reading() as session:
        shown = [each async for each in _messages(desk, session)]
        for team in await teams.all_teams(session):
            own = desk.of(team)
            shown += _figures(team.name, own.t, desk)
            tab = await home(session, "", own.t, desk.now())
            forms: list[Block] = [home_tab(tab, own.t, desk.now(), charts=charts) for charts in (True, False)]
            shown.append((f"the Home of {team.name}", [{"view": form} for form in forms]))
    return shown


async def _messages(desk: Desk, session: AsyncSession) -> AsyncIterator[Shown]:
    newest = select(func.max(Message.id)).group_by(col(Message.kind))
    for message in (await session.exec(select(Message).where(col(Message.id).in_(newest)))).all():
        view = await view_of(desk.of(await team_of(session, message)), session, message)
        if view is not None:
            yield f"a message ({message.kind})", [{"message": {"blocks": blocks}} for blocks in view.forms if blocks]


def _figures(team: str, t: Texts, desk: Desk) -> Iterator[Shown]:
    """Yield a digest with the chart and the table, which a new team does not have yet."""
    until = desk.now()
    since = until - timedelta(days=7)
    parts = [Part(since + timedelta(days=n), n, n) for n in range(7)]
    sources = [Source("1", 12, 10, 9, 10, 9), Source("2", 8, 8, 6, 8, 8)]
    week = Figures(since, until, 20, 18, 15, sources=sources, parts=parts)
    forms = overview(Overview(Span.WEEK, team, week), t).forms
    yield f"the digest of {team}", [{"message": {"blocks": blocks}} for blocks in forms if blocks]

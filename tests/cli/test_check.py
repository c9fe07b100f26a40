"""What `webcare check` finds: everything is tried, and each thing that is wrong is named with how to mend it."""

import asyncio
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from sqlalchemy import text
from sqlmodel import select

from bot import accounts, db
from bot.accounts import seal
from bot.cli import check
from bot.cli.check import findings
from bot.config import BadSettings, Settings
from bot.models import Team
from bot.sandbox.app import Sandbox
from bot.sandbox.slack.workspace import UserGroup
from bot.slack.check import Finding
from bot.steady_clock import utc_now
from jobs import duty
from tests.conftest import CHANNEL, SANNE, Databases, running_bot, settings_for
from tests.fakes.ports import free_port
from tests.people import mention


async def found(settings: Settings) -> dict[str, Finding]:
    """Return what is found, by what it is about."""
    return {finding.about: finding async for finding in findings(settings)}


def wrong(all_found: dict[str, Finding]) -> set[str]:
    return {about for about, finding in all_found.items() if not finding.works}


async def test_a_bot_for_which_all_is_well_has_nothing_wrong(database_url: str, slack: Sandbox) -> None:
    everything = await found(settings_for(database_url, slack))
    assert wrong(everything) == set()
    assert set(everything) == {
        *("Settings", "Database", "Bot token", "Permissions", "Channel of Webcare", "Readers of Webcare", "App token"),
        *("Secret key", "Web server"),
    }
    assert "of webcare in the workspace Gemeente Voorbeeld" in everything["Bot token"].words


async def test_all_that_is_wrong_is_found_in_one_go(slack: Sandbox, tmp_path: Path) -> None:
    slack.app.scopes -= {"users:read", "im:write"}
    settings = settings_for(
        f"sqlite:///{tmp_path}/missing/w.db", slack,
        slack_app_token="xapp-wrong", slack_channel="C0ALGEMEEN", webcare_secret_key="x", host="192.0.2.1",
    )  # fmt: skip
    everything = await found(settings)
    assert wrong(everything) == {
        *("Database", "Permissions", "Channel of Webcare", "App token", "Secret key", "Web server")
    }
    assert f"there is no folder {tmp_path}/missing" in everything["Database"].words
    assert "lacks im:write, users:read: paste" in everything["Permissions"].words
    assert "/invite" in everything["Channel of Webcare"].words


async def test_a_setting_that_is_not_there_hides_nothing_else(sqlite_url: str, slack: Sandbox) -> None:
    everything = await found(settings_for(sqlite_url, slack, slack_bot_token="", slack_channel=""))
    assert wrong(everything) == {"Settings"}
    assert everything["App token"].works


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("token_revoked", "copy the bot token"),
        ("account_inactive", "copy the bot token"),
        ("not_allowed_token_type", "a token of another kind"),
        ("org_login_required", "Slack refuses (org_login_required)"),
    ],
)
async def test_a_token_that_slack_refuses_is_told(sqlite_url: str, slack: Sandbox, error: str, words: str) -> None:
    slack.faults.error("auth.test", error)
    everything = await found(settings_for(sqlite_url, slack))
    assert wrong(everything) == {"Bot token"}
    assert words in everything["Bot token"].words


async def test_tokens_of_two_apps_are_told_because_no_click_would_come_in(sqlite_url: str, slack: Sandbox) -> None:
    slack.app.app_token = "xapp-1-A0TEST-0-sandbox"
    all_found = await found(settings_for(sqlite_url, slack))
    assert wrong(all_found) == {"App token"}
    assert "is of the Slack app A0TEST, SLACK_BOT_TOKEN of" in all_found["App token"].words
    slack.faults.error("bots.info", "missing_scope")
    assert wrong(await found(settings_for(sqlite_url, slack))) == set()


async def test_a_slack_that_is_down_is_told_apart_from_one_that_refuses(sqlite_url: str, slack: Sandbox) -> None:
    slack.faults.down = True
    everything = await found(settings_for(sqlite_url, slack))
    assert wrong(everything) == {"Bot token", "App token"}
    assert "cannot be reached" in everything["App token"].words


async def test_a_proxy_that_is_not_there_is_told_by_the_variable_that_names_it_and_not_shown(
    sqlite_url: str, slack: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://bot:geheim@127.0.0.1:{free_port()}")
    everything = await found(settings_for(sqlite_url, slack))
    assert wrong(everything) == {"Bot token", "App token"}
    assert "through the proxy of HTTPS_PROXY: check the network, HTTPS_PROXY and" in everything["Bot token"].words
    assert "geheim" not in str(everything)


async def test_a_slack_that_asks_to_wait_is_told(sqlite_url: str, slack: Sandbox) -> None:
    slack.faults.rate_limit("conversations.info", 7)
    everything = await found(settings_for(sqlite_url, slack))
    assert "in 7 seconds" in everything["Channel of Webcare"].words


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("channel_not_found", "check `webcare teams add Afval …`"),
        ("is_archived", "choose another in `webcare teams add Afval …`"),
    ],
)
async def test_the_channel_of_every_team_is_tried(database_url: str, slack: Sandbox, error: str, words: str) -> None:
    settings = settings_for(database_url, slack)
    engine = db.create_engine(database_url)
    async with db.sessions(engine)() as session:
        await accounts.ensure_team(session, settings, utc_now())
        session.add(Team(name="Afval", channel="C0ESCALATIE", created_at=utc_now()))
    await engine.dispose()
    assert wrong(await found(settings)) == set()
    slack.faults.error("conversations.info", "is_archived")
    slack.faults.error("conversations.info", error)
    everything = await found(settings)
    assert wrong(everything) == {"Channel of Webcare", "Channel of Afval"}
    assert "SLACK_CHANNEL" in everything["Channel of Webcare"].words
    assert words in everything["Channel of Afval"].words


@pytest.mark.logs("the settings of a team cannot be read")
async def test_settings_of_a_team_that_cannot_be_read_are_told_and_hide_nothing_else(
    database_url: str, slack: Sandbox
) -> None:
    settings, engine = settings_for(database_url, slack), db.create_engine(database_url)
    async with db.sessions(engine)() as session:
        await accounts.ensure_team(session, settings, utc_now())
        broken = {"claim_reminder": "spoedig", "citizen_days": 0}
        session.add(Team(name="Afval", channel="C0ESCALATIE", settings=broken, created_at=utc_now()))
    await engine.dispose()
    everything = await found(settings)
    assert wrong(everything) == {"Settings of Afval"}
    assert "(claim_reminder, citizen_days)" in everything["Settings of Afval"].words
    assert {"Channel of Afval", "Web server"} <= set(everything)


@pytest.mark.logs("the settings of a team cannot be read")
async def test_settings_of_the_first_team_that_cannot_be_read_keep_no_bot_and_no_command_from_starting(
    database_url: str, slack: Sandbox
) -> None:
    settings, engine = settings_for(database_url, slack), db.create_engine(database_url)
    try:
        async with db.sessions(engine)() as session:
            await accounts.ensure_team(session, settings, utc_now())
        async with db.sessions(engine)() as session:
            [team] = await session.exec(select(Team))
            team.settings = {"claim_reminder": "spoedig"}
            session.add(team)
        async with db.sessions(engine)() as session:
            await accounts.ensure_team(session, settings, utc_now())
        assert wrong(await found(settings)) == {"Settings of Webcare"}
        renamed = settings.model_copy(update={"team_name": "Anders"})
        with pytest.raises(BadSettings, match="The settings of Webcare cannot be read, so TEAM_NAME"):
            async with db.sessions(engine)() as session:
                await accounts.ensure_team(session, renamed, utc_now())
    finally:
        await engine.dispose()


async def test_without_the_optional_permissions_all_is_well_and_what_is_missed_is_told(
    sqlite_url: str, slack: Sandbox
) -> None:
    slack.app.scopes -= {"dnd:read", "files:read", "usergroups:write"}
    everything = await found(settings_for(sqlite_url, slack))
    assert wrong(everything) == set()
    assert "Without the optional dnd:read, " in everything["Permissions"].words
    assert "Without the optional files:read, no image can go with an answer." in everything["Permissions"].words
    assert "Without the optional usergroups:write, " in everything["Permissions"].words


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("", "follows who is on duty"),
        ("missing_scope", "the optional usergroups:write"),
        ("permission_denied", "let an owner of the workspace allow it"),
        ("no_such_subteam", "knows no user group S0WEG"),
        ("plan_upgrade_required", "paid plans"),
        ("invalid_users", "mend the rota"),
        ("org_login_required", "Slack refuses (org_login_required)"),
    ],
)
async def test_a_user_group_that_cannot_follow_duty_is_told_with_how_to_mend_it(
    database_url: str, slack: Sandbox, error: str, words: str
) -> None:
    slack.workspace.usergroups["S0WEG"] = UserGroup("S0WEG", "dienst", "Dienst", [])
    settings = settings_for(database_url, slack)
    async with running_bot(database_url, slack) as bot:
        async with bot.desk.session() as session:
            team = await session.get_one(Team, 1)
            team.settings = {"duty_group": "S0WEG", "rota": {day: [SANNE] for day in range(7)}}
            session.add(team)
        if error == "missing_scope":
            slack.app.scopes.discard("usergroups:write")
        elif error:
            slack.faults.error("usergroups.users.update", error)
        await duty.follow(bot.desk)
    everything = await found(settings)
    assert everything["User group of Webcare"].works is not bool(error)
    assert words in everything["User group of Webcare"].words


async def test_over_http_the_signing_secret_stands_in_for_the_app_token(sqlite_url: str, slack: Sandbox) -> None:
    everything = await found(settings_for(sqlite_url, slack, slack_app_token=""))
    assert wrong(everything) == set()
    assert everything["Signing secret"].works
    assert "App token" not in everything


async def test_tables_that_are_yet_to_be_made_are_no_problem_on_sqlite_alone(
    slack: Sandbox, tmp_path: Path, postgres_uri: str
) -> None:
    small = await found(settings_for(f"sqlite:///{tmp_path}/new.db", slack))
    large = await found(settings_for(postgres_uri, slack))
    assert wrong(small) == set()
    assert wrong(large) == {"Database"}
    assert "webcare migrate" in large["Database"].words


async def test_tables_of_a_newer_version_are_found_as_the_start_refuses_them(database_url: str, slack: Sandbox) -> None:
    engine = db.create_engine(database_url)
    async with db.connected(engine) as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    await engine.dispose()
    everything = await found(settings_for(database_url, slack))
    assert wrong(everything) == {"Database"}
    assert "update the program" in everything["Database"].words


async def test_a_database_that_cannot_be_written_is_found(
    databases: Databases, postgres_uri: str, slack: Sandbox
) -> None:
    database_url = await databases.postgresql(postgres_uri)
    engine = db.create_engine(database_url)
    async with db.connected(engine) as connection:
        await connection.execute(text(f'ALTER DATABASE "{engine.url.database}" SET default_transaction_read_only = on'))
    await engine.dispose()
    everything = await found(settings_for(database_url, slack))
    assert wrong(everything) == {"Database"}
    assert "cannot be written (cannot execute UPDATE in a read-only transaction" in everything["Database"].words


async def test_a_key_that_does_not_fit_is_told_once_and_its_accounts_are_named(sqlite_url: str, slack: Sandbox) -> None:
    async with running_bot(sqlite_url, slack):
        pass
    everything = await found(settings_for(sqlite_url, slack, webcare_secret_key=seal.new_key()))
    assert wrong(everything) == {"Secret key", "Account webhook/plein"}
    assert "cannot decrypt" in everything["Secret key"].words


async def test_a_bot_that_runs_already_is_told_apart_from_another_program(
    sqlite_url: str, slack: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "HEALTH_SECONDS", 60)  # whatever else this machine has to do
    port = free_port()
    settings = settings_for(sqlite_url, slack, port=port)
    async with running_bot(sqlite_url, slack, port=port):
        ours = await found(settings)
    async with TestServer(web.Application(), port=port):
        others = await found(settings)
    assert ours["Web server"].works
    assert "is running already" in ours["Web server"].words
    assert "Cannot listen" in others["Web server"].words


async def test_a_program_that_does_not_speak_http_may_have_the_port(sqlite_url: str, slack: Sandbox) -> None:
    def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9.9\r\n")
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as other:
        port = other.sockets[0].getsockname()[1]
        everything = await found(settings_for(sqlite_url, slack, port=port))
    assert wrong(everything) == {"Web server"}


@pytest.mark.parametrize("fault", ["down", "limited", "refused"])
async def test_what_slack_did_not_take_yet_is_told_apart_from_what_it_refuses(
    sqlite_url: str, slack: Sandbox, fault: str
) -> None:
    async with running_bot(sqlite_url, slack) as bot:
        if fault == "down":
            slack.faults.down = True
        elif fault == "limited":
            slack.faults.rate_limit("chat.postMessage", 60, times=99)
        else:
            slack.faults.error("chat.postMessage", "restricted_action", times=99)
        await mention(bot)
        slack.faults.clear()
        everything = await found(bot.desk.settings)
    told = everything[f"Messages in {CHANNEL}"]
    assert (told.works, told.warns) == (fault != "refused", fault != "refused")
    assert f"Slack {'refuses them' if fault == 'refused' else 'did not take them yet'} (" in told.words


@pytest.mark.parametrize(
    ("private", "shared", "words"),
    [(False, False, "C0WEBCARE is public"), (True, True, "is shared with another organisation"), (True, False, "")],
)
async def test_a_channel_that_more_people_read_than_the_team_is_warned_of(
    sqlite_url: str, slack: Sandbox, private: bool, shared: bool, words: str
) -> None:
    slack.workspace.channels["C0WEBCARE"].private = private
    slack.workspace.channels["C0WEBCARE"].shared = shared
    everything = await found(settings_for(sqlite_url, slack))
    assert wrong(everything) == set()
    assert ("Readers of Webcare" in everything) is bool(words)
    if words:
        assert everything["Readers of Webcare"].warns and words in everything["Readers of Webcare"].words


async def test_slack_checks_what_we_show_without_showing_it(database_url: str, slack: Sandbox) -> None:
    async with running_bot(database_url, slack) as bot:
        bot.citizen_posts("Waar kan ik mijn paspoort ophalen?")
        await bot.card("paspoort")
        settings = bot.desk.settings
    before = len(slack.calls())
    everything = {each.about: each async for each in findings(settings, deep=True)}
    assert wrong(everything) == set()
    assert "all 3 that it checked" in everything["Blocks"].words
    validated = slack.calls("blocks.validate")
    assert {name for each in validated for name in each.args} == {"message", "view"}
    assert not [each for each in slack.calls()[before:] if each.method.startswith(("chat.", "views."))]


async def test_what_slack_would_refuse_is_named_with_its_place(sqlite_url: str, slack: Sandbox) -> None:
    async with running_bot(sqlite_url, slack):
        pass
    errors = [{"pointer": "/blocks/0/text", "code": "failed_constraint", "message": "must be shorter"}]
    slack.faults.error("blocks.validate", "invalid_message", times=2, errors=errors)
    everything = {each.about: each async for each in findings(settings_for(sqlite_url, slack), deep=True)}
    assert wrong(everything) == {"Blocks of the digest of Webcare"}
    assert "/blocks/0/text: must be shorter" in everything["Blocks of the digest of Webcare"].words


async def test_a_workspace_without_the_newer_blocks_takes_the_older_ones(sqlite_url: str, slack: Sandbox) -> None:
    slack.rules.modern_blocks = False
    async with running_bot(sqlite_url, slack):
        pass
    assert wrong({each.about: each async for each in findings(settings_for(sqlite_url, slack), deep=True)}) == set()

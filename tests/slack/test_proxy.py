"""An office where all that goes to Slack must go through the proxy that the environment names."""

import pytest

from bot.sandbox.app import Sandbox
from bot.slack import calls, files
from tests.conftest import CHANNEL, SANNE, settings_for
from tests.fakes.between import Between
from tests.fakes.pictures import drawing


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "http_proxy"])
async def test_files_go_to_slack_and_come_from_it_through_the_proxy_as_calls_do(
    sqlite_url: str, slack: Sandbox, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    slack.app.scopes.add("files:read")
    picture, settings = drawing(), settings_for(sqlite_url, slack)
    async with Between(slack.base_url) as proxy:
        monkeypatch.setenv(name, proxy.url)
        async with calls.slack_session(settings) as session:
            client = calls.slack_client(settings, session)
            await calls.upload(client, CHANNEL, "cijfers.csv", b"dag;aantal", "De cijfers.")
            given = slack.give_file(SANNE, "kaart.png", picture)
            assert await files.content_of(client, given, most=len(picture)) == picture
    asked = [path.split("/")[1] for _, path in proxy.requests]
    assert asked == ["api", "upload", "api", "files-pri"]

"""Files that people add in a modal: whether we may read them, and their content.

https://docs.slack.dev/reference/block-kit/block-elements/file-input-element,
https://docs.slack.dev/reference/objects/file-object
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.calls import UPLOAD_SECONDS, SlackDown, SlackRefuses, contact_of

SLACKS = (".slack.com", ".slack-gov.com", ".slack-files.com")
"""The hosts that get our token besides the API's: a file may also be at another company (`is_external`)."""
REDIRECTS = 3
SCOPE = "files:read"
"""The permission to read files; without it Slack refuses a file field in a modal."""


def lacking(client: AsyncWebClient) -> str:
    """Return the permission that we lack to read files, "" when we have it."""
    return "" if SCOPE in contact_of(client).scopes else SCOPE


async def content_of(client: AsyncWebClient, file: Mapping[str, Any], *, most: int) -> bytes:
    """Return the content of a file in Slack; at most `most` + 1 bytes are read.

    Raises SlackRefuses when Slack does not give it to us, and SlackDown when it does not answer.
    """
    address = str(file.get("url_private_download") or file.get("url_private") or "")
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=UPLOAD_SECONDS)) as session:
            for _ in range(REDIRECTS):
                if not _is_slacks(client, address):
                    raise SlackRefuses("file_not_found")
                headers = {"Authorization": f"Bearer {client.token}"}
                asked = session.get(address, headers=headers, allow_redirects=False, proxy=client.proxy)
                async with asked as answer:
                    if answer.status < 300:
                        return await _read(answer, most)
                    if answer.status >= 500 or answer.status == 429:
                        raise SlackDown(maybe_done=False)
                    address = urljoin(address, answer.headers.get("Location", ""))
                    if answer.status >= 400 or "Location" not in answer.headers:
                        raise SlackRefuses("file_not_found")
    except (TimeoutError, aiohttp.ClientError, OSError):
        raise SlackDown(maybe_done=False) from None
    raise SlackRefuses("file_not_found")


async def _read(answer: aiohttp.ClientResponse, most: int) -> bytes:
    if answer.content_type == "text/html":  # a page to log in on
        raise SlackRefuses("missing_scope")
    content = bytearray()
    async for chunk in answer.content.iter_chunked(64 * 1024):
        content += chunk
        if len(content) > most:
            break
    return bytes(content[: most + 1])


def _is_slacks(client: AsyncWebClient, address: str) -> bool:
    """Tell whether an address is Slack's own, so that it may get our token."""
    try:
        parts, api = urlsplit(address), urlsplit(client.base_url)
    except ValueError:
        return False
    if (parts.scheme, parts.netloc) == (api.scheme, api.netloc):
        return True
    return parts.scheme == "https" and (parts.hostname or "").endswith(SLACKS)

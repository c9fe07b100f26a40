"""How the contract test uses each platform: what citizens do there, and what of ours can be seen there."""

import base64
import json
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, ClassVar

import httpx
from aiohttp import web
from standardwebhooks import Webhook as Signature

from bot.connectors import bluesky, email, facebook, feed, instagram, mastodon, threads, webhook, whatsapp
from bot.connectors.base import Account, Connector, Cursor, Identity, Page, Polls, Rechecks, Request
from bot.connectors.platform import Platform
from bot.domain.mention import Act, Gone, Post
from bot.domain.payload import BadPayload
from tests.contracts.forum import webcare_forum
from tests.contracts.forum.fake_forum import KEY, FakeForum
from tests.fakes import graph, mail_wires
from tests.fakes import instagram as on_instagram
from tests.fakes import whatsapp as numbers
from tests.fakes.between import ANY, Between
from tests.fakes.bluesky import HANDLE, PASSWORD, FakeBluesky
from tests.fakes.facebook import OPTIONS, PAGE, SECRETS, FakeFacebook
from tests.fakes.mail_server import PASSWORD as MAIL_PASSWORD
from tests.fakes.mail_server import MailboxThere
from tests.fakes.mastodon import FakeMastodon
from tests.fakes.server import FakeServer
from tests.fakes.threads import SECRETS as THREADS_SECRETS
from tests.fakes.threads import FakeThreads
from tests.fakes.tools import tools
from tests.fakes.whatsapp import FakeWhatsApp

SECRET = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldY"


class Driver(ABC):
    """One platform under test. `publishes` is the path of the request that publishes a reply.

    `uploads` is that of the request before it that gives its image; "": the image goes with the reply.

    `hasty`: the seconds within which it answers all but what is held up. `tells`: what became of a reply whose
    connection was cut can be found out; otherwise a person must look. `removed`: how a post looks whose author removed
    it.
    """

    platform: ClassVar[Platform]
    publishes: ClassVar[str]
    uploads: ClassVar[str] = ""
    hasty: ClassVar[float] = 0.5
    tells: ClassVar[bool] = True
    removed: ClassVar[Gone] = Gone.BY_AUTHOR
    account: Account

    def __init__(self, server: Any, between: Any) -> None:
        self.server = server
        self.between = between
        self.account = self.account_at(between.url)

    @abstractmethod
    def account_at(self, url: str) -> Account:
        """Return the team's account on the server at this address."""

    @abstractmethod
    def write(self, text: str) -> str:
        """Let a citizen write; returns the post's id."""

    def edit(self, post_id: str, text: str) -> None:
        """Let the citizen change their post."""
        raise NotImplementedError

    def remove(self, post_id: str) -> None:
        """Let the citizen remove their post."""
        raise NotImplementedError

    @abstractmethod
    def spoil(self) -> None:
        """Let something be between the posts that cannot be read."""

    @abstractmethod
    def published(self) -> list[str]:
        """Return the words of what we published, as they were sent."""

    def pictures(self) -> list[tuple[bytes, str]]:
        """Return the images of what we published, each with its description."""
        raise NotImplementedError

    def write_below_ours(self) -> str:
        """Let a citizen write where we may hide it; returns the post's id."""
        return self.write("Onzin")

    def marks(self) -> list[tuple[Act, str]]:
        """Return what is hidden and what we like, each as often as that stands there."""
        raise NotImplementedError

    def request_of(self, act: Act) -> tuple[str, str]:
        """Return the method and path of the request that carries out an act."""
        return "DELETE" if act in {Act.DELETE, Act.UNLIKE} else "POST", ANY

    @asynccontextmanager
    async def failing(
        self, status: int, body: str = "", headers: Mapping[str, str] | None = None, *, sends: bool = False
    ) -> AsyncIterator[dict[str, Any]]:
        """Run a server that answers everything so, and give what changes in the account to use it; 0: it hangs up.

        `sends`: it is about a reply, not about reading.
        """
        async with FakeServer() as server:
            server.fail(status=status, body=body, headers=dict(headers or {}), count=100)
            yield self.at(server.url)

    def at(self, url: str) -> dict[str, Any]:
        """Return what changes in the account so that its server is at this address."""
        return {"url": url}

    def connector(self, client: httpx.AsyncClient, **changes: Any) -> Connector:
        return self.platform.connect(replace(self.account, **changes), tools(client, self.account.secrets))

    async def read(self, client: httpx.AsyncClient, cursor: Cursor) -> Page:
        """Return what is new, whether we ask for it or it is pushed to us."""
        connector = self.connector(client)
        assert isinstance(connector, Polls)
        return await connector.fetch(cursor)

    async def changes(self, client: httpx.AsyncClient, posts: list[Post], cursor: Cursor) -> list[Post]:
        """Return which posts were edited or removed."""
        connector = self.connector(client)
        assert isinstance(connector, Rechecks)
        return list((await connector.recheck(posts, {})).changed)


class OnMastodon(Driver):
    platform = mastodon.PLATFORM
    publishes = "/api/v1/statuses"
    uploads = "/api/v2/media"

    server: FakeMastodon

    def account_at(self, url: str) -> Account:
        return Account(1, "mastodon", "gemeente", url, {"token": self.server.token})

    def write(self, text: str) -> str:
        return str(self.server.post_as("jan", f"@gemeente {text}")["id"])

    def edit(self, post_id: str, text: str) -> None:
        self.server.edit("jan", post_id, f"@gemeente {text}")

    def remove(self, post_id: str) -> None:
        self.server.delete("jan", post_id)

    def spoil(self) -> None:
        self.remove(self.write("oeps"))

    def published(self) -> list[str]:
        path = "/api/v1/statuses/{}/source"
        return [self.server.as_team("GET", path.format(s["id"]))["text"] for s in self.server.statuses_by_team()]

    def pictures(self) -> list[tuple[bytes, str]]:
        shown = [each for status in self.server.statuses_by_team() for each in status["media_attachments"]]
        return [(self.server.content_of(each["url"]), each["description"]) for each in shown]

    def marks(self) -> list[tuple[Act, str]]:
        return [(Act.LIKE, status["id"]) for status in self.server.as_team("GET", "/api/v1/favourites")]

    def request_of(self, act: Act) -> tuple[str, str]:
        return "DELETE" if act is Act.DELETE else "POST", ANY


class OnBluesky(Driver):
    platform = bluesky.PLATFORM
    publishes = "/xrpc/com.atproto.repo.putRecord"
    uploads = "/xrpc/com.atproto.repo.uploadBlob"

    server: FakeBluesky

    def account_at(self, url: str) -> Account:
        return Account(1, "bluesky", "gemeente", url, {"app_password": PASSWORD}, {"handle": HANDLE, "directory": url})

    def write(self, text: str) -> str:
        return self.server.write("jan", f"@{HANDLE} {text}")

    def edit(self, post_id: str, text: str) -> None:
        self.server.overwrite(post_id, text)

    def remove(self, post_id: str) -> None:
        self.server.remove(post_id)

    def spoil(self) -> None:
        self.server.spoil(self.write("oeps"))

    def published(self) -> list[str]:
        return [post["text"] for post in self.server.ours()]

    def pictures(self) -> list[tuple[bytes, str]]:
        shown = [each for post in self.server.ours() for each in post.get("embed", {}).get("images", ())]
        return [(self.server.blobs[each["image"]["ref"]["$link"]], each["alt"]) for each in shown]

    def write_below_ours(self) -> str:
        ours = self.server.write("gemeente", "De markt gaat door.")
        return self.server.write("jan", f"@{HANDLE} Onzin", answers=ours)

    def marks(self) -> list[tuple[Act, str]]:
        hidden = [uri for each in self.server.records.values() for uri in each.value.get("hiddenReplies", ())]
        return [*((Act.HIDE, uri) for uri in hidden), *((Act.LIKE, uri) for uri in self.server.likes())]

    def request_of(self, act: Act) -> tuple[str, str]:
        return "POST", "/xrpc/com.atproto.repo.*"


class OnFacebook(Driver):
    """A page; edits and removals are sent to us, but not by whom, and all else is asked for."""

    platform = facebook.PLATFORM
    removed = Gone.REMOVED
    publishes = "/v26.0/*/comments"
    uploads = f"/v26.0/{PAGE}/photos"

    server: FakeFacebook

    def account_at(self, url: str) -> Account:
        options = {**OPTIONS, "images": True}
        return Account(1, "facebook", "gemeente", url, SECRETS, options, identity=Identity(PAGE))

    def write(self, text: str) -> str:
        return self.server.comment("jan", text)

    def pictures(self) -> list[tuple[bytes, str]]:
        return self.server.pictures()

    def edit(self, post_id: str, text: str) -> None:
        self.server.edit(post_id, text)

    def remove(self, post_id: str) -> None:
        self.server.remove(post_id)

    def spoil(self) -> None:
        self.server.spoil(self.write("oeps"))

    def published(self) -> list[str]:
        return self.server.ours()

    def marks(self) -> list[tuple[Act, str]]:
        fields = {Act.HIDE: "is_hidden", Act.LIKE: "user_likes"}
        things = self.server.things.items()
        return [(act, ident) for act, name in fields.items() for ident, each in things if each.fields.get(name)]

    async def changes(self, client: httpx.AsyncClient, posts: list[Post], cursor: Cursor) -> list[Post]:
        assert self.platform.receiver is not None
        items = self.platform.receiver.receive(self.account, self.server.sent(), datetime.now(UTC)).items
        return [each for each in items if isinstance(each, Post) and (each.edited_at or each.gone)]


class OnThreads(Driver):
    platform = threads.PLATFORM
    publishes = "/v1.0/me/threads_publish"

    server: FakeThreads

    def account_at(self, url: str) -> Account:
        return Account(1, "threads", "gemeente", url, THREADS_SECRETS)

    def write(self, text: str) -> str:
        return self.server.reply("jan", text)

    def spoil(self) -> None:
        self.server.spoil(self.write("oeps"))

    def published(self) -> list[str]:
        return self.server.ours()

    def marks(self) -> list[tuple[Act, str]]:
        things = self.server.things.items()
        return [(Act.HIDE, ident) for ident, each in things if each.more.get("hide_status") == "HIDDEN"]


class OnInstagram(Driver):
    """An account; that a comment was removed is only found, not sent, and not by whom."""

    platform = instagram.PLATFORM
    publishes = ANY
    removed = Gone.UNREACHABLE

    server: on_instagram.FakeInstagram

    def account_at(self, url: str) -> Account:
        identity = Identity(on_instagram.ME, on_instagram.HANDLE)
        options = on_instagram.OPTIONS
        return Account(1, "instagram", "gemeente", url, on_instagram.SECRETS, options, identity=identity)

    def write(self, text: str) -> str:
        return self.server.comment("jan", text)

    def edit(self, post_id: str, text: str) -> None:
        self.server.edit(post_id, text)

    def remove(self, post_id: str) -> None:
        self.server.remove(post_id)

    def spoil(self) -> None:
        self.server.spoil(self.write("oeps"))

    def published(self) -> list[str]:
        return self.server.ours()

    def marks(self) -> list[tuple[Act, str]]:
        return [(Act.HIDE, ident) for ident, each in self.server.things.items() if each.fields.get("hidden")]


class OnForum(Driver):
    platform = webcare_forum.PLATFORM
    publishes = "/posts.json"

    server: FakeForum

    def account_at(self, url: str) -> Account:
        return Account(1, "forum", "gemeente", url, {"key": KEY}, {"username": "gemeente"})

    def write(self, text: str) -> str:
        return self.server.write("jan", text)

    def edit(self, post_id: str, text: str) -> None:
        self.server.change(post_id, raw=text)

    def remove(self, post_id: str) -> None:
        self.server.change(post_id, user_deleted=True)

    def spoil(self) -> None:
        self.server.change(self.write("oeps"), username=None, user_id=None, created_at="gisteren")

    def published(self) -> list[str]:
        return [post["raw"] for post in self.server.by_us()]


class EndlessForum(FakeForum):
    """A forum that says of no length that it is too long."""

    longest = None


class OnEndlessForum(OnForum):
    """The same connector, on such a forum."""


class FakeSite(FakeServer):
    """A site with a feed, and a source that pushes: `taken` are the replies by their key."""

    def __init__(self) -> None:
        super().__init__()
        self.items: list[str] = []
        self.taken: dict[str, str] = {}
        self.images: dict[str, dict[str, Any]] = {}

    def routes(self) -> Iterator[web.RouteDef]:
        yield web.get("/", self._feed)
        yield web.post("/", self._reply)

    async def _feed(self, request: web.Request) -> web.Response:
        channel = "<title>Nieuws</title>" + "".join(reversed(self.items))
        return web.Response(text=f'<rss version="2.0"><channel>{channel}</channel></rss>', content_type="text/xml")

    async def _reply(self, request: web.Request) -> web.Response:
        sent = await request.json()
        if sent["type"] == "reply.created":
            if len(sent["data"]["text"]) > 5000:
                return web.json_response({"error": "Too long."}, status=422)
            self.taken.setdefault(request.headers["webhook-id"], sent["data"]["text"])
            if "image" in sent["data"]:
                self.images.setdefault(request.headers["webhook-id"], sent["data"]["image"])
        return web.json_response({})


class OnFeed(Driver):
    platform = feed.PLATFORM
    publishes = ""

    server: FakeSite

    def account_at(self, url: str) -> Account:
        return Account(1, "feed", "nieuws", url + "/")

    def write(self, text: str) -> str:
        number = str(len(self.server.items))
        now = datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S +0000")
        body = f"<guid>{number}</guid><title>{text}</title><pubDate>{now}</pubDate>"
        self.server.items.append(f"<item>{body}</item>")
        return number

    def spoil(self) -> None:
        self.server.items.append("<item></item>")

    def published(self) -> list[str]:
        return []


class OnWebhook(Driver):
    platform = webhook.PLATFORM
    publishes = "/"

    server: FakeSite

    def __init__(self, server: Any, between: Between) -> None:
        super().__init__(server, between)
        self.sent: list[dict[str, Any]] = []

    def at(self, url: str) -> dict[str, Any]:
        return {"options": {**self.account.options, "callback_url": url + "/"}}

    def account_at(self, url: str) -> Account:
        options = {"callback_url": url + "/", "images": True}
        return Account(1, "webhook", "bron", "", {"signing_secret": SECRET}, options)

    def write(self, text: str) -> str:
        number = str(len(self.sent))
        at = datetime.now(UTC).isoformat()
        self.sent.append({"id": number, "text": text, "author": {"id": "7", "name": "Jan"}, "published_at": at})
        return number

    def edit(self, post_id: str, text: str) -> None:
        self.sent[int(post_id)] |= {"text": text, "edited_at": datetime.now(UTC).isoformat()}

    def remove(self, post_id: str) -> None:
        self.sent[int(post_id)] |= {"deleted": True}

    def spoil(self) -> None:
        self.sent.append({"id": str(len(self.sent)), "text": ["oeps"], "author": "Jan"})

    def published(self) -> list[str]:
        return list(self.server.taken.values())

    def pictures(self) -> list[tuple[bytes, str]]:
        return [(base64.b64decode(each["content"]), each["alt"]) for each in self.server.images.values()]

    async def read(self, client: httpx.AsyncClient, cursor: Cursor) -> Page:
        seen = cursor.get("seen", 0)
        return Page(self._received(self.sent[seen:]), {"seen": len(self.sent)})

    async def changes(self, client: httpx.AsyncClient, posts: list[Post], cursor: Cursor) -> list[Post]:
        changed = [each for each in self.sent if each.get("edited_at") or each.get("deleted")]
        return [item for item in self._received(changed) if isinstance(item, Post)]

    def _received(self, mentions: list[dict[str, Any]]) -> tuple[Any, ...]:
        """Send mentions; when that is refused because of one of them, each by itself, as a source would."""
        try:
            return self._receive(mentions)
        except BadPayload:
            return tuple(item for each in mentions for item in self._received([each])) if mentions[1:] else ()

    def _receive(self, mentions: list[dict[str, Any]]) -> tuple[Any, ...]:
        now = datetime.now(UTC)
        body = json.dumps({"mentions": mentions})
        headers = {
            "webhook-id": "m1", "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Signature(SECRET).sign("m1", now, body),
        }  # fmt: skip
        assert self.platform.receiver is not None
        return self.platform.receiver.receive(self.account, Request("POST", headers, {}, body.encode()), now).items


class OnMail(Driver):
    """A team's mailbox and a citizen's; only what we send passes through `between`."""

    platform = email.PLATFORM
    publishes = "DOT"
    hasty = 3.0
    tells = False

    server: MailboxThere

    def __init__(self, server: MailboxThere, between: mail_wires.BetweenMail) -> None:
        self.citizen = server.server.mailbox("jan", "burger.example")
        super().__init__(server, between)

    def account_at(self, url: str) -> Account:
        imap = f"imap://127.0.0.1:{self.server.server.ports['imap']}"
        options = {"address": self.server.address, "imap": imap, "smtp": url}
        return Account(1, "email", "gemeente", "", {"password": MAIL_PASSWORD}, options)

    @asynccontextmanager
    async def failing(
        self, status: int, body: str = "", headers: Mapping[str, str] | None = None, *, sends: bool = False
    ) -> AsyncIterator[dict[str, Any]]:
        async with mail_wires.failing(status, body) as (imap, smtp):
            yield {"options": {**self.account.options, **({"smtp": smtp} if sends else {"imap": imap})}}

    def write(self, text: str) -> str:
        number = next(self.server.server.numbers)
        head = f"From: Jan <{self.citizen.address}>\r\nTo: {self.server.address}\r\nSubject: Vraag\r\n"
        self.server.put(f"{head}Message-ID: <{number}@burger.example>\r\n\r\n{text}\r\n".encode())
        return f"{number}@burger.example"

    def spoil(self) -> None:
        self.server.put(b"From: =?x?q?\xff?= <@@>\r\nContent-Type: multipart/mixed; boundary\r\n\r\n\xff\x00--\r\n")

    def published(self) -> list[str]:
        """Return the words of what arrived, without the quotation below them."""
        bodies = [mail.get_body() for mail in self._mails()]
        return [str(body.get_content()).partition("\n\nJan <")[0] for body in bodies if body is not None]

    def pictures(self) -> list[tuple[bytes, str]]:
        """Return what is attached; a mail has no descriptions."""
        return [(each.get_content(), "") for mail in self._mails() for each in mail.iter_attachments()]

    def _mails(self) -> list[EmailMessage]:
        read = [message_from_bytes(raw, policy=policy.default) for raw in self.citizen.mails()]
        return [mail for mail in read if isinstance(mail, EmailMessage)]


class OnWhatsApp(Driver):
    platform = whatsapp.PLATFORM
    publishes = f"/v26.0/{numbers.NUMBER_ID}/messages"
    uploads = f"/v26.0/{numbers.NUMBER_ID}/media"
    tells = False

    server: FakeWhatsApp

    def account_at(self, url: str) -> Account:
        return Account(1, "whatsapp", "gemeente", url, graph.SECRETS, numbers.OPTIONS, identity=numbers.IDENTITY)

    def write(self, text: str) -> str:
        return self.server.write("jan", text)

    def edit(self, post_id: str, text: str) -> None:
        self.server.edit("jan", post_id, text)

    def remove(self, post_id: str) -> None:
        self.server.revoke("jan", post_id)

    def spoil(self) -> None:
        self.server.spoil({"messages": [{"id": 7, "type": "text", "timestamp": "gisteren"}, {}, 7]})

    def published(self) -> list[str]:
        return self.server.said()

    def pictures(self) -> list[tuple[bytes, str]]:
        """Return the images; WhatsApp has no descriptions."""
        shown = [each.body["image"]["id"] for each in self.server.sent if each.body["type"] == "image"]
        return [(self.server.media[each], "") for each in shown]

    def marks(self) -> list[tuple[Act, str]]:
        return [(Act.LIKE, ident) for ident in self.server.reactions]

    def request_of(self, act: Act) -> tuple[str, str]:
        return "POST", self.publishes

    async def read(self, client: httpx.AsyncClient, cursor: Cursor) -> Page:
        seen = cursor.get("seen", 0)
        return Page(self._received(self.server.events[seen:]), {"seen": len(self.server.events)})

    async def changes(self, client: httpx.AsyncClient, posts: list[Post], cursor: Cursor) -> list[Post]:
        changed = [item for item in self._received(self.server.events) if isinstance(item, Post)]
        return [post for post in changed if post.edited_at or post.gone]

    def _received(self, events: list[dict[str, Any]]) -> tuple[Any, ...]:
        assert self.platform.receiver is not None
        return self.platform.receiver.receive(self.account, self.server.request(*events), datetime.now(UTC)).items

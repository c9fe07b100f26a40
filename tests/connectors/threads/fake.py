"""An account on Threads on loopback: our posts, what citizens write below them and elsewhere, and our token.

Each request is held to the parameters and fields that https://developers.facebook.com/docs/threads/reference lists for
it: the end of its block raises AssertionError with what did not hold. A reply stands in the list of our own replies as
soon as it is published; a container can be published once.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from tests.connectors.meta.graph import Json, Refused, not_there
from tests.fakes.consents import BadCode, Consents
from tests.fakes.server import FakeServer

APP_ID, APP_SECRET = "987654321", "fedcba9876543210"
USER, US, TOKEN = "17841400000000001", "gemeente", "THQWJfirst"
SECRETS = {"token": TOKEN}
SCOPES = (
    "threads_basic threads_content_publish threads_delete threads_manage_mentions threads_manage_replies "
    "threads_read_replies"
)
LASTS = timedelta(days=60)
MAX_CHARACTERS = 500

MEDIA = set(
    "id media_product_type media_type media_url permalink username text timestamp shortcode thumbnail_url children "
    "is_quote_post quoted_post reposted_post gif_url has_replies reply_audience topic_tag".split()
)
IN_THREAD = {"root_post", "replied_to", "is_reply", "is_reply_owned_by_me"}
WITH_ALT = {"alt_text", "link_attachment_url", "owner", "poll_attachment"}
FIELDS = {
    "me": {"id", "username", "name", "threads_profile_picture_url", "threads_biography", "is_verified"},
    "me/threads": MEDIA | WITH_ALT,
    "me/replies": MEDIA | IN_THREAD,
    "me/mentions": MEDIA | IN_THREAD | WITH_ALT | {"hide_status"},
    "me/threads_publishing_limit": {
        f"{kind}{end}" for kind in ("", "reply_", "delete_") for end in ("quota_usage", "config")
    },
    "media": MEDIA | IN_THREAD | WITH_ALT | {"hide_status"},
    "media/replies": MEDIA | IN_THREAD | {"hide_status"},
    "container": {"id", "status", "error_message"},
}
FIELDS["media/conversation"] = FIELDS["media/replies"]
LIST = {"fields", "since", "until", "limit", "before", "after"}
PARAMETERS = {
    "me": {"fields"}, "me/threads": LIST, "me/replies": LIST, "me/mentions": LIST,
    "me/threads_publishing_limit": {"fields"}, "media": {"fields"}, "container": {"fields"},
    "media/replies": {"fields", "reverse", "before", "after"},
    "media/conversation": {"fields", "reverse", "before", "after"}, "debug_token": {"input_token"},
}  # fmt: skip
SINCE_AT_LEAST = 1688540400


@dataclass
class Thing:
    """A post, a reply or a part of an album."""

    id: str
    by: str
    text: str
    at: datetime
    parent: str = ""
    root: str = ""
    names_us: bool = False
    more: Json = field(default_factory=dict)


class FakeThreads(FakeServer):
    """One account of ours with one post. `slow` is how often a container is not ready when it is looked at.

    The first `unknown` of these times it is not even known where it is looked for.
    """

    def __init__(self) -> None:
        super().__init__()
        self.clock: Callable[[], datetime] = lambda: datetime.now(UTC)
        self.things: dict[str, Thing] = {}
        self.containers: dict[str, Json] = {}
        self.tokens: dict[str, datetime] = {TOKEN: datetime.now(UTC) + LASTS}
        self.made_at: dict[str, datetime] = {TOKEN: datetime.now(UTC) - timedelta(days=2)}
        self.renewing_ends_the_old = False
        self.is_tester, self.scopes = True, SCOPES.split()
        self.access_ends_at: datetime | None = None
        self.quotas = {"reply": (0, 1000), "delete": (0, 100)}
        self.slow, self.unknown, self.status, self.lost_containers = 0, 0, "FINISHED", 0
        self.usage: dict[str, str] = {}
        self.consents = Consents(APP_ID, APP_SECRET)
        self._count = 0
        self.own = self.write("De markt gaat door.")

    # --- what citizens and the team do -------------------------------------------------------------

    def write(self, text: str, at: datetime | None = None, **more: Any) -> str:
        """Let us write a post."""
        return self._add(US, text, at, **more)

    def reply(self, name: str, text: str, to: str = "", at: datetime | None = None, **more: Any) -> str:
        """Let a citizen, or us in the app, answer a post."""
        above = self.things[to or self.own]
        return self._add(name, text, at, parent=above.id, root=above.root or above.id, **more)

    def name(self, name: str, text: str, at: datetime | None = None, to: str = "", **more: Any) -> str:
        """Let a citizen name us in a post of their own, or in an answer to another."""
        above = self.things.get(to)
        under = {"parent": above.id, "root": above.root or above.id} if above else {}
        return self._add(name, text, at, names_us=True, **under, **more)

    def elsewhere(self, name: str, text: str, at: datetime | None = None, **more: Any) -> str:
        """Let a citizen write a post that is not about us."""
        return self._add(name, text, at, **more)

    def remove(self, ident: str) -> None:
        """Let an author remove a post."""
        del self.things[ident]

    def spoil(self, ident: str) -> None:
        """Let a post be none that anybody can read."""
        self.things[ident].more |= {"text": 7, "timestamp": "gisteren"}

    def ours(self) -> list[str]:
        """Our replies, oldest first."""
        return [each.text for each in self.things.values() if each.by == US and each.parent]

    # --- the server --------------------------------------------------------------------------------

    def routes(self) -> Iterator[web.RouteDef]:
        yield web.get("/refresh_access_token", self._renew)
        yield web.post("/oauth/access_token", self._let_in)
        yield web.get("/access_token", self._lengthen)
        yield web.route("*", "/{version}/{path:.*}", self._handle)

    async def _handle(self, request: web.Request) -> web.Response:
        try:
            self._authorise(request.headers.get("Authorization", "").removeprefix("Bearer "))
            params = {**request.query, **{key: str(value) for key, value in (await request.post()).items()}}
            answer = self._answer(request.method, request.match_info["path"].split("/"), params)
            return web.json_response(answer, headers=self.usage)
        except Refused as refused:
            return web.json_response({"error": refused.error}, status=refused.status, headers=self.usage)

    def _authorise(self, token: str) -> None:
        if self.tokens.get(token, self.clock()) <= self.clock():
            raise Refused(190, f"Error validating access token {token}", subcode=463, status=401)

    async def _let_in(self, request: web.Request) -> web.Response:
        """Change a code for a token of an hour."""
        given = {name: str(value) for name, value in (await request.post()).items()}
        if set(given) != {"client_id", "client_secret", "grant_type", "redirect_uri", "code"}:
            self.violations.append(f"oauth/access_token: {sorted(given)}")
        try:
            self.consents.take(given)
        except BadCode:
            error = {"error_type": "OAuthException", "code": 400, "error_message": "Invalid authorization code"}
            return web.json_response(error, status=400)
        return web.json_response({"access_token": "THQWJshort", "user_id": int(USER)})

    async def _lengthen(self, request: web.Request) -> web.Response:
        """Change a token of an hour for one of sixty days."""
        asked = {"grant_type": "th_exchange_token", "client_secret": APP_SECRET, "access_token": "THQWJshort"}
        if dict(request.query) != asked:
            refused = Refused(100, "Unsupported get request")
            return web.json_response({"error": refused.error}, status=refused.status)
        new = f"THQWJ{self._number()}"
        self.tokens[new], self.made_at[new] = self.clock() + LASTS, self.clock()
        seconds = int(LASTS.total_seconds())
        return web.json_response({"access_token": new, "token_type": "bearer", "expires_in": seconds})

    async def _renew(self, request: web.Request) -> web.Response:
        old = request.query.get("access_token", "")
        try:
            if request.query.get("grant_type") != "th_refresh_token":
                raise Refused(100, "Unsupported grant type")
            self._authorise(old)
            if self.clock() - self.made_at[old] < timedelta(days=1):
                raise Refused(10, "The access token is too young to be refreshed")
        except Refused as refused:
            return web.json_response({"error": refused.error}, status=refused.status)
        new = f"THQWJ{self._number()}"
        self.tokens[new], self.made_at[new] = self.clock() + LASTS, self.clock()
        if self.renewing_ends_the_old:
            del self.tokens[old]
        seconds = int(LASTS.total_seconds())
        return web.json_response({"access_token": new, "token_type": "bearer", "expires_in": seconds})

    def _answer(self, method: str, path: list[str], params: Json) -> Any:
        node = path[0] if path[0] in {"me", "debug_token"} else self._node(path[0])
        edge = "/".join([node, *path[1:]])
        if method == "GET":
            self._hold(edge, params)
        handler: Callable[..., Any] = getattr(self, f"_{method.lower()}_{edge}".replace("/", "_"), self._unknown)
        return handler(path[0], params)

    def _node(self, ident: str) -> str:
        if ident in self.containers:
            return "container"
        if ident in self.things:
            return "media"
        raise not_there(ident) if len(ident) < 25 else Refused(24, "The requested resource does not exist")

    def _hold(self, edge: str, params: Json) -> None:
        wrong = set(params) - PARAMETERS.get(edge, set())
        wrong |= {each for each in params.get("fields", "").split(",") if each} - FIELDS.get(edge, set())
        if int(params.get("since", SINCE_AT_LEAST)) < SINCE_AT_LEAST or int(params.get("limit", 1)) > 100:
            wrong.add("since or limit")
        if wrong:
            self.violations.append(f"{edge}: {sorted(wrong)}")
            raise Refused(100, f"Tried accessing nonexisting field ({sorted(wrong)[0]})")

    def _unknown(self, ident: str, given: Json) -> Any:
        raise Refused(100, "Unsupported request")

    def _get_debug_token(self, ident: str, given: Json) -> Json:
        if not self.is_tester:
            raise Refused(10, "The access token is not of a tester of the app", status=403)
        token = given["input_token"]
        ends = {"expires_at": int(self.tokens[token].timestamp())}
        access = {"data_access_expires_at": int(self.access_ends_at.timestamp())} if self.access_ends_at else {}
        return {"data": {"type": "USER", "is_valid": True, "user_id": USER, "scopes": self.scopes, **ends, **access}}

    def _get_me(self, ident: str, given: Json) -> Json:
        return {"id": USER, "username": US, "name": "Gemeente Voorbeeld"}

    def _get_me_threads(self, ident: str, given: Json) -> Json:
        return self._listed([each for each in self.things.values() if each.by == US and not each.parent], given)

    def _get_me_replies(self, ident: str, given: Json) -> Json:
        self._need("threads_read_replies")
        return self._listed([each for each in self.things.values() if each.by == US and each.parent], given)

    def _get_me_mentions(self, ident: str, given: Json) -> Json:
        self._need("threads_manage_mentions")
        return self._listed([each for each in self.things.values() if each.names_us], given)

    def _get_media_conversation(self, ident: str, given: Json) -> Json:
        if self.things[ident].parent:
            raise Refused(100, "Only for the first post of a thread")
        return self._listed([each for each in self.things.values() if each.root == ident], given)

    def _get_media_replies(self, ident: str, given: Json) -> Json:
        return self._listed([each for each in self.things.values() if each.parent == ident], given)

    def _get_media(self, ident: str, given: Json) -> Json:
        return self._shown(self.things[ident], given["fields"])

    def _get_me_threads_publishing_limit(self, ident: str, given: Json) -> Json:
        self._need("threads_content_publish")
        found: Json = {}
        for kind, (used, total) in self.quotas.items():
            found |= {f"{kind}_quota_usage": used, f"{kind}_config": {"quota_total": total, "quota_duration": 86400}}
        return {"data": [{name: found[name] for name in given["fields"].split(",")}]}

    def _get_container(self, ident: str, given: Json) -> Json:
        container = self.containers[ident]
        container["looks"] += 1
        if container["looks"] <= self.unknown:
            raise Refused(24, "The requested resource does not exist", subcode=4279009)
        ready = container["looks"] > self.slow
        told = "PUBLISHED" if container["published"] else self.status if ready else "IN_PROGRESS"
        return {"id": ident, "status": told, **({"error_message": "UNKNOWN"} if told == "ERROR" else {})}

    def _post_me_threads(self, ident: str, given: Json) -> Json:
        self._need("threads_content_publish")
        if given.get("media_type") != "TEXT" or set(given) != {"media_type", "text", "reply_to_id"}:
            self.violations.append(f"POST me/threads: {sorted(given)}")
        if given["reply_to_id"] not in self.things:
            raise Refused(24, "The requested resource does not exist", subcode=4279009)
        if sum(len(c.encode()) if ord(c) > 0x2600 else 1 for c in given["text"]) > MAX_CHARACTERS:
            raise Refused(100, "Param text must be at most 500 characters long.")
        container = self._number()
        self.containers[container] = {**given, "looks": 0, "published": False}
        return {"id": container}

    def _post_me_threads_publish(self, ident: str, given: Json) -> Json:
        container = self.containers[given["creation_id"]]
        if self.lost_containers > 0:
            self.lost_containers -= 1
            raise Refused(24, "The requested resource does not exist", subcode=4279009)
        if container["published"] or container["looks"] <= self.slow:
            raise Refused(24, "The requested resource does not exist", subcode=4279009)
        container["published"] = True
        used, total = self.quotas["reply"]
        self.quotas["reply"] = (used + 1, total)
        return {"id": self.reply(US, container["text"], container["reply_to_id"])}

    def _post_media_manage_reply(self, ident: str, given: Json) -> Json:
        self._need("threads_manage_replies")
        thing = self.things[ident]
        if thing.parent != thing.root or self.things[thing.root].by != US:
            raise Refused(10, "Only top-level replies to your own posts can be hidden", status=403)
        for each in [thing, *(each for each in self.things.values() if each.parent == ident)]:
            each.more["hide_status"] = "HIDDEN" if given["hide"] == "true" else "UNHUSHED"
        return {"success": True}

    def _delete_media(self, ident: str, given: Json) -> Json:
        self._need("threads_delete")
        if self.things[ident].by != US:
            raise Refused(10, "Not the owner", status=403)
        self.remove(ident)
        return {"success": True, "deleted_id": ident}

    # --- what all of it is made of -----------------------------------------------------------------

    def _need(self, right: str) -> None:
        if right not in self.scopes:
            raise Refused(10, f"Application does not have permission for this action ({right})", status=403)

    def _add(self, by: str, text: str, at: datetime | None, **more: Any) -> str:
        given = {key: more.pop(key) for key in ("parent", "root", "names_us") if key in more}
        ident = self._number()
        self.things[ident] = Thing(ident, by, text, at or self.clock(), **given, more=more)
        return ident

    def _shown(self, thing: Thing, asked: str) -> Json:
        whole: Json = {
            "id": thing.id, "text": thing.text, "timestamp": _iso(thing.at), "media_type": "TEXT_POST",
            "permalink": f"https://www.threads.com/@{thing.by}/post/{thing.id}", "is_quote_post": False,
            "has_replies": any(each.parent == thing.id for each in self.things.values()),
        }  # fmt: skip
        whole |= {"username": thing.by} if thing.by else {}
        if thing.parent:
            whole |= {"replied_to": {"id": thing.parent}, "root_post": {"id": thing.root}, "is_reply": True}
            whole |= {"is_reply_owned_by_me": thing.by == US, "hide_status": "NOT_HUSHED"}
        whole |= thing.more
        return {name: whole[name] for name in ["id", *asked.split(",")] if name in whole}

    def _listed(self, things: list[Thing], given: Json) -> Json:
        since = datetime.fromtimestamp(int(given.get("since", 0)), UTC)
        found = sorted((each for each in things if each.at >= since), key=lambda each: each.at, reverse=True)
        start, limit = int(given.get("after", 0)), int(given.get("limit", 25))
        end = start + limit
        page = [self._shown(each, given["fields"]) for each in found[start:end]]
        return {"data": page, "paging": {"cursors": {"before": str(start), "after": str(end)}} if page else {}}

    def _number(self) -> str:
        self._count += 1
        return f"{18_000_000_000_000_000 + self._count}"


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")

"""A Bluesky on loopback: our account's server, what others see, private messages, and the directory of accounts.

What it refuses and how is as in the source of Bluesky's own server (packages/pds and packages/bsky of
https://github.com/bluesky-social/atproto, August 2026). Each request to it and each of its answers is held to the
lexicons: the end of its block raises AssertionError with what did not hold.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from bot.connectors.bluesky.newest import EVER
from bot.connectors.json_api import within
from tests.connectors.bluesky import lexicon
from tests.connectors.bluesky.lexicon import Json, Violation
from tests.fakes.server import FakeServer

HANDLE, PASSWORD = "gemeente.example", "abcd-efgh-ijkl-mnop"
CHAT = "did:web:api.bsky.chat#bsky_chat"
POST, LIKE, GATE = "app.bsky.feed.post", "app.bsky.feed.like", "app.bsky.feed.threadgate"
LETTERS = "234567abcdefghijklmnopqrstuvwxyz"


def did_of(name: str) -> str:
    """Return the DID of an account by the first part of its handle."""
    digest = base64.b32encode(hashlib.sha256(name.encode()).digest()).decode().lower()
    return f"did:plc:{digest[:24]}"


US = did_of("gemeente")


class Refused(Exception):
    """An answer that is an error."""

    def __init__(self, name: str, message: str = "", status: int = 400) -> None:
        self.body = {"error": name, **({"message": message} if message else {})}
        self.status = status


@dataclass
class Record:
    """A record in somebody's repository. `shows` are the fields of its view that are not in the record."""

    value: Json
    indexed_at: datetime
    shows: Json = field(default_factory=dict)

    @property
    def cid(self) -> str:
        digest = hashlib.sha256(json.dumps(self.value, sort_keys=True).encode()).digest()
        return "b" + base64.b32encode(b"\x01\x71\x12\x20" + digest).decode().lower().rstrip("=")

    @property
    def sorted_at(self) -> datetime:
        try:
            return min(self.indexed_at, datetime.fromisoformat(self.value["createdAt"]))
        except ValueError:
            return self.indexed_at


@dataclass
class Convo:
    id: str
    did: str
    rev: str
    messages: list[Json] = field(default_factory=list)


class FakeBluesky(FakeServer):
    """One server with one account of ours; a citizen gets an account at their first post."""

    def __init__(self) -> None:
        super().__init__()
        self.password = PASSWORD
        self.logins = self.refreshes = 0
        self.has_messages, self.has_full_access, self.refresh_works_once = True, False, True
        self.pds = ""
        self.records: dict[str, Record] = {}
        self.blobs: dict[str, bytes] = {}
        self.taken_down, self.closed = set[str](), set[str]()
        self.has_old_ones = True
        self.forgotten = set[str]()
        self.blocking, self.gone_accounts = set[str](), set[str]()
        self.incoming: dict[str, str] = {}
        self.labels: dict[str, list[Json]] = {}
        self.refusal = ""
        self.preferences: dict[str, Json] = {}
        self.convos: dict[str, Convo] = {}
        self.names = {US: "gemeente"}
        self._access: set[str] = set()
        self._refresh: set[str] = set()
        self._count = 0
        self.clock: Callable[[], datetime] = lambda: datetime.now(UTC)
        self._last = EVER

    def routes(self) -> Iterator[web.RouteDef]:
        yield web.get("/xrpc/{method}", self._handle)
        yield web.post("/xrpc/{method}", self._handle)
        yield web.get("/{did:did:.*}", self._document)

    # --- what citizens and the team do -------------------------------------------------------------

    def write(
        self, name: str, text: str, *, answers: str = "", quotes: str = "", names_us: bool = True,
        at: datetime | None = None, shows: Json | None = None, **more: Any,
    ) -> str:  # fmt: skip
        """Let somebody post; returns the address."""
        moment = self._next()
        facets = [_mention(text)] if names_us and f"@{HANDLE}" in text else []
        record: Json = {"$type": POST, "text": text, "createdAt": _iso(at or moment), "langs": ["nl"]}
        record |= {"facets": facets} if facets else {}
        record |= {"reply": self._refs(answers)} if answers else {}
        record |= {"embed": {"$type": "app.bsky.embed.record", "record": self._ref(quotes)}} if quotes else {}
        return self._store(name, POST, self._key(), record | more, moment, shows)

    def overwrite(self, uri: str, text: str) -> None:
        """Let an author write another record in place of a post."""
        before = self.records[uri]
        self.records[uri] = Record({**before.value, "text": text}, self._next())

    def remove(self, uri: str) -> None:
        """Let an author remove a post."""
        del self.records[uri]

    def spoil(self, uri: str) -> None:
        """Let a record be none that any client can read."""
        self.records[uri].value |= {"text": 7, "createdAt": "gisteren"}

    def say(self, name: str, text: str, **more: Any) -> Json:
        """Let a citizen, or our account in the app, write a private message."""
        did = self._did(name)
        at = {"sentAt": _iso(more.pop("at"))} if "at" in more else {}
        return self._message(self._convo_with(more.pop("to", None) or did), did, {"text": text, **at, **more})

    def ours(self) -> list[Json]:
        """Our posts, oldest first."""
        return [each.value for uri, each in self.records.items() if uri.startswith(f"at://{US}/{POST}/")]

    def likes(self) -> list[str]:
        """The posts that we like."""
        return [each.value["subject"]["uri"] for uri, each in self.records.items() if f"{US}/{LIKE}/" in uri]

    def gate(self, uri: str) -> Json | None:
        """The settings of a thread."""
        found = self.records.get(uri.replace(POST, GATE))
        return found.value if found else None

    def said(self) -> list[str]:
        """Our private messages, oldest first."""
        told = [each for convo in self.convos.values() for each in convo.messages if "text" in each]
        return [each["text"] for each in told if each["sender"]["did"] == US]

    def end_access(self) -> None:
        """Let two hours pass for all access tokens."""
        self._access.clear()

    def end_sessions(self) -> None:
        """Let all sessions be withdrawn, as when the app password is."""
        self._access.clear()
        self._refresh.clear()

    def store(self, collection: str, key: str, value: Json) -> str:
        """Let our account write a record in the app."""
        return self._store("gemeente", collection, key, {"$type": collection, **value}, self._next())

    # --- the server --------------------------------------------------------------------------------

    async def _handle(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        try:
            found = await self._answer(request, method)
        except Refused as refused:
            if method in lexicon.stored():
                self._note(lexicon.hold_refusal, method, refused.body["error"])
            return web.json_response(refused.body, status=refused.status)
        except Violation as violation:
            self.violations.append(f"{method}: {violation}")
            return web.json_response({"error": "InvalidRequest", "message": str(violation)}, status=400)
        if isinstance(found, bytes):
            return web.Response(body=found, content_type="application/vnd.ipld.car")
        self._note(lexicon.hold_output, method, found)
        return web.json_response(found)

    def _note(self, hold: Callable[[str, Any], None], method: str, answer: Any) -> None:
        try:
            hold(method, answer)
        except Violation as violation:
            self.violations.append(f"answer of {method}: {violation}")

    async def _answer(self, request: web.Request, method: str) -> Any:
        handler: Callable[[Any], Any] | None = getattr(self, "_" + method.rpartition(".")[2], None)
        if method not in lexicon.stored() or handler is None:
            raise Refused("MethodNotImplemented", status=501)
        lexicon.hold_verb(request.method, method)
        if method.endswith(("createSession", "resolveHandle", "sync.getRecord")):
            self._auth = ""
        else:
            self._auth = self._signed(request, method)
        if request.method == "GET":
            query: dict[str, list[str]] = {key: request.query.getall(key) for key in request.query}
            return handler(lexicon.hold_query(method, query))
        if method.endswith("refreshSession"):
            return handler({})
        if method.endswith("uploadBlob"):
            return self._uploadBlob(request.content_type, await request.read())
        body = await request.json()
        lexicon.hold_input(method, body)
        return handler(body)

    def _signed(self, request: web.Request, method: str) -> str:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not token:
            raise Refused("AuthMissing", "Authentication Required", 401)
        if token not in (self._refresh if method.endswith("refreshSession") else self._access):
            raise Refused("ExpiredToken", "Token has expired")
        if method.startswith("chat.") and request.headers.get("atproto-proxy") != CHAT:
            raise Refused("MethodNotImplemented", "Method Not Implemented", 501)
        if method.startswith("chat.") and not self.has_messages:
            raise Refused("InvalidToken", "Bad token method")
        return token

    async def _document(self, request: web.Request) -> web.Response:
        did = request.match_info["did"]
        if did in self.gone_accounts:
            return web.json_response({"message": f"DID not available: {did}"}, status=404)
        return web.json_response(self._did_document(did, self.url))

    def _did_document(self, did: str, url: str) -> Json:
        service = {"id": "#atproto_pds", "type": "AtprotoPersonalDataServer", "serviceEndpoint": url}
        return {"@context": ["https://www.w3.org/ns/did/v1"], "id": did, "service": [service]}

    def _createSession(self, body: Json) -> Json:
        self.logins += 1
        if body["identifier"].lower() not in {HANDLE, US} or body["password"] != self.password:
            raise Refused("AuthenticationRequired", "Invalid identifier or password", 401)
        return self._session()

    def _refreshSession(self, _: Json) -> Json:
        self.refreshes += 1
        if self.refresh_works_once:
            self._refresh.discard(self._auth)
        return self._session()

    def _session(self) -> Json:
        self._count += 1
        scope = "com.atproto.access" if self.has_full_access else "com.atproto.appPass"
        access, refresh = _token(scope, self._count), _token("com.atproto.refresh", self._count)
        self._access.add(access)
        self._refresh.add(refresh)
        more = {"didDoc": self._did_document(US, self.pds)} if self.pds else {}
        return {"accessJwt": access, "refreshJwt": refresh, "handle": HANDLE, "did": US, "active": True, **more}

    # --- records -----------------------------------------------------------------------------------

    def _getRecord(self, asked: Json) -> Any:
        uri = f"at://{asked.get('repo') or asked['did']}/{asked['collection']}/{asked['rkey']}"
        if "did" in asked:
            there = uri in self.records
            return b"\x3a\xa2eroots" + (b"\xa3dtexte$type" if there else b"\xa2ae\x81\xa4akX\x20app.bsky.feed.post")
        found = self.records.get(uri)
        if found is None:
            raise Refused("RecordNotFound", f"Could not locate record: {uri}")
        return {"uri": uri, "cid": found.cid, "value": found.value}

    def _putRecord(self, asked: Json) -> Json:
        if asked["repo"] not in {US, HANDLE}:
            raise Refused("AuthenticationRequired", status=401)
        try:
            lexicon.hold_record(asked["record"], asked["rkey"])
        except Violation as violation:
            raise Refused("InvalidRequest", f"Invalid {asked['collection']} record: {violation}") from violation
        for blob in blobs_in(asked["record"]):
            if blob["ref"]["$link"] not in self.blobs:
                raise Refused("BlobNotFound", f"Could not find blob: {blob['ref']['$link']}")
        uri = f"at://{US}/{asked['collection']}/{asked['rkey']}"
        new, old = Record(asked["record"], self._next()), self.records.get(uri)
        if old is None or old.cid != new.cid:
            if "swapRecord" in asked and asked["swapRecord"] != (old.cid if old else None):
                raise Refused("InvalidSwap", f"Record was at {old.cid if old else None}")
            self.records[uri] = new
        return {"uri": uri, "cid": new.cid, "validationStatus": "valid"}

    def _uploadBlob(self, kind: str, content: bytes) -> Json:
        """A blob goes by its content: the same one again is the same blob."""
        digest = hashlib.sha256(content).digest()
        cid = "b" + base64.b32encode(b"\x01\x55\x12\x20" + digest).decode().lower().rstrip("=")
        self.blobs[cid] = content
        return {"blob": {"$type": "blob", "ref": {"$link": cid}, "mimeType": kind, "size": len(content)}}

    def _deleteRecord(self, asked: Json) -> Json:
        self.records.pop(f"at://{US}/{asked['collection']}/{asked['rkey']}", None)
        return {}

    def _listRecords(self, asked: Json) -> Json:
        under = f"at://{asked['repo']}/{asked['collection']}/"
        found = sorted(((uri, each) for uri, each in self.records.items() if uri.startswith(under)), reverse=True)
        return {"records": [{"uri": uri, "cid": each.cid, "value": each.value} for uri, each in found]}

    def _resolveHandle(self, asked: Json) -> Json:
        did = next((did for did, name in self.names.items() if f"{name}.example" == asked["handle"]), None)
        if did is None:
            raise Refused("InvalidRequest", "Unable to resolve handle")
        return {"did": did}

    # --- what others see ---------------------------------------------------------------------------

    def _listNotifications(self, asked: Json) -> Json:
        if "cursor" in asked and not self.has_old_ones:
            raise web.HTTPBadGateway
        if asked.get("cursor") in self.forgotten:
            raise web.HTTPBadRequest(text='{"error": "InvalidRequest", "message": "Invalid cursor"}')
        told = []
        for uri, each in self._newest():
            reason = self._reason(each.value) if not uri.startswith(f"at://{US}/") else ""
            strange = asked.get("priority") is not False
            if (
                reason in asked.get("reasons", [reason])
                and reason
                and not strange
                and not self._hidden_by_us(uri, each)
            ):
                view: Json = {"uri": uri, "cid": each.cid, "author": self._profile(_repo(uri)), "reason": reason}
                view |= {"record": each.value, "isRead": False, "indexedAt": _iso(each.sorted_at)}
                told.append((each.sorted_at, view))
        below = datetime.fromisoformat(asked["cursor"]) if "cursor" in asked else None
        told = [each for each in told if below is None or each[0] < below]
        page = told[: asked.get("limit", 50)]
        more = {"cursor": page[-1][0].isoformat()} if len(page) < len(told) else {}
        return {"notifications": [view for _, view in page], "priority": False, **more}

    def _reason(self, record: Json) -> str:
        dids = [feature.get("did") for each in record.get("facets", ()) for feature in each["features"]]
        if any(str(within(record, "reply", end, "uri")).startswith(f"at://{US}/") for end in ("parent", "root")):
            return "reply"
        if str(within(record, "embed", "record", "uri")).startswith(f"at://{US}/"):
            return "quote"
        return "mention" if US in dids else "like" if record.get("text") == "♥" else ""

    def _hidden_by_us(self, uri: str, record: Record) -> bool:
        gate = self.gate(within(record.value, "reply", "root", "uri") or "")
        return gate is not None and uri in gate.get("hiddenReplies", ())

    def _searchPosts(self, asked: Json) -> Json:
        word, start = asked["q"].strip('"').lower(), int(asked.get("cursor", 0))
        found = [self._view(uri, each) for uri, each in self._newest() if word in str(each.value["text"]).lower()]
        page = found[start : start + asked.get("limit", 25)]
        return {"posts": page, **({"cursor": str(start + len(page))} if start + len(page) < len(found) else {})}

    def _getPosts(self, asked: Json) -> Json:
        shown = dict(self._newest())
        return {"posts": [self._view(uri, shown[uri]) for uri in asked["uris"] if uri in shown]}

    def _newest(self) -> list[tuple[str, Record]]:
        seen = [(uri, each) for uri, each in self.records.items() if f"/{POST}/" in uri and uri not in self.taken_down]
        seen = [each for each in seen if _repo(each[0]) not in self.gone_accounts | self.blocking]
        return sorted(seen, key=lambda each: each[1].sorted_at, reverse=True)

    def _view(self, uri: str, record: Record) -> Json:
        likes = (
            key for key, each in self.records.items() if f"{US}/{LIKE}/" in key and each.value["subject"]["uri"] == uri
        )
        viewer: Json = {**({"like": like} if (like := next(likes, None)) else {}), "replyDisabled": uri in self.closed}
        view: Json = {"uri": uri, "cid": record.cid, "author": self._profile(_repo(uri)), "record": record.value}
        quoted = within(record.value, "embed", "record", "uri")
        more = {"embed": self._quoted(quoted)} if quoted in self.records else {}
        return {**view, "indexedAt": _iso(record.indexed_at), "viewer": viewer, **more, **record.shows}

    def _quoted(self, uri: str) -> Json:
        quoted = self.records[uri]
        shown = {"$type": "app.bsky.embed.record#viewRecord", "uri": uri, "cid": quoted.cid, "value": quoted.value}
        shown |= {"author": self._profile(_repo(uri)), "indexedAt": _iso(quoted.indexed_at)}
        return {"$type": "app.bsky.embed.record#view", "record": shown}

    def _profile(self, did: str) -> Json:
        name = self.names[did]
        chat = {"associated": {"chat": {"allowIncoming": self.incoming[did]}}} if did in self.incoming else {}
        labels = {"labels": self.labels[did]} if self.labels.get(did) else {}
        return {"did": did, "handle": f"{name}.example", "displayName": name.capitalize(), **chat, **labels}

    def _getProfile(self, asked: Json) -> Json:
        return self._profile(asked["actor"])

    def _getPreferences(self, _: Json) -> Json:
        both = {"list": True, "push": True}
        kinds = "follow like likeViaRepost mention quote reply repost repostViaRepost".split()
        told: Json = {kind: {"include": "all", **both, **self.preferences.get(kind, {})} for kind in kinds}
        told |= dict.fromkeys("starterpackJoined subscribedPost unverified verified".split(), both)
        return {"preferences": {**told, "chat": {"include": "all", "push": True}}}

    # --- private messages --------------------------------------------------------------------------

    def _listConvos(self, asked: Json) -> Json:
        found = sorted(self.convos.values(), key=lambda each: each.rev, reverse=True)
        start = int(asked.get("cursor", 0))
        page = found[start : start + asked.get("limit", 50)]
        more = {"cursor": str(start + len(page))} if start + len(page) < len(found) else {}
        return {"convos": [self._convo_view(each) for each in page], **more}

    def _getConvoForMembers(self, asked: Json) -> Json:
        if self.refusal:
            raise Refused(self.refusal, "They do not want it")
        return {"convo": self._convo_view(self._convo_with(asked["members"][0]))}

    def _getMessages(self, asked: Json) -> Json:
        told = self.convos[asked["convoId"]].messages[::-1]
        start = int(asked.get("cursor", 0))
        page = told[start : start + asked.get("limit", 50)]
        more = {"cursor": str(start + len(page))} if start + len(page) < len(told) else {}
        return {"messages": page, **more}

    def _sendMessage(self, asked: Json) -> Json:
        return self._message(self.convos[asked["convoId"]], US, asked["message"])

    def _convo_with(self, did: str) -> Convo:
        found = next((each for each in self.convos.values() if each.did == did), None)
        if found is None:
            found = Convo(f"3convo{len(self.convos)}", did, self._rev())
            self.convos[found.id] = found
        return found

    def _message(self, convo: Convo, did: str, content: Mapping[str, Any]) -> Json:
        convo.rev = self._rev()
        message = {"$type": "chat.bsky.convo.defs#messageView", "id": self._key(), "rev": convo.rev, **content}
        message = {"sentAt": _iso(self._next()), **message, "sender": {"did": did}}
        convo.messages.append(message)
        return message

    def _convo_view(self, convo: Convo) -> Json:
        last = {"lastMessage": convo.messages[-1]} if convo.messages else {}
        members = [self._profile(did) for did in (US, convo.did)]
        return {"id": convo.id, "rev": convo.rev, "members": members, "muted": False, "unreadCount": 0, **last}

    # --- what all of it is made of -----------------------------------------------------------------

    def _store(self, name: str, collection: str, key: str, value: Json, at: datetime, shows: Json | None = None) -> str:
        uri = f"at://{self._did(name)}/{collection}/{key}"
        self.records[uri] = Record(value, at, shows or {})
        return uri

    def _did(self, name: str) -> str:
        self.names[did_of(name)] = name
        return did_of(name)

    def _ref(self, uri: str) -> Json:
        return {"uri": uri, "cid": self.records[uri].cid}

    def _refs(self, uri: str) -> Json:
        root = within(self.records[uri].value, "reply", "root")
        return {"root": root or self._ref(uri), "parent": self._ref(uri)}

    def _next(self) -> datetime:
        self._last = max(self.clock(), self._last + timedelta(microseconds=1))
        return self._last

    def _key(self) -> str:
        self._count += 1
        number = int(self._next().timestamp() * 1_000_000) << 10 | self._count % 1024
        return "".join(LETTERS[number >> shift & 31] for shift in range(60, -1, -5))

    def _rev(self) -> str:
        self._count += 1
        return "".join(LETTERS[self._count >> shift & 31] for shift in range(60, -1, -5))


def blobs_in(record: Json) -> list[Json]:
    """The blobs of the images in a record."""
    return [each["image"] for each in within(record, "embed", "images") or []]


def _mention(text: str) -> Json:
    start = len(text.partition(f"@{HANDLE}")[0].encode())
    index = {"byteStart": start, "byteEnd": start + len(HANDLE) + 1}
    return {"index": index, "features": [{"$type": "app.bsky.richtext.facet#mention", "did": US}]}


def _repo(uri: str) -> str:
    return uri.split("/")[2]


def _iso(moment: datetime) -> str:
    return (moment if moment > EVER else EVER).isoformat().replace("+00:00", "Z")


def _token(scope: str, number: int) -> str:
    payload = base64.urlsafe_b64encode(json.dumps({"scope": scope, "jti": number}).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJIUzI1NiJ9.{payload}.c2lnbmVk"

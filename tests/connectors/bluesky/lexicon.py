"""Holds values to AT Protocol lexicons (https://atproto.com/specs/lexicon), with the published schemas.

The schemas are in lexicons.json beside this module, with where they come from. To take them anew from a
checkout of that repository: `uv run python -m tests.connectors.bluesky.lexicon CHECKOUT`.
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import regex

Json = dict[str, Any]

STORED = Path(__file__).parent / "lexicons.json"
USED = (
    "app.bsky.actor.getProfile", "app.bsky.feed.getPosts", "app.bsky.feed.like", "app.bsky.feed.post",
    "app.bsky.feed.searchPosts", "app.bsky.feed.threadgate", "app.bsky.notification.getPreferences",
    "app.bsky.notification.listNotifications", "chat.bsky.convo.getConvoForMembers", "chat.bsky.convo.getMessages",
    "chat.bsky.convo.listConvos", "chat.bsky.convo.sendMessage", "com.atproto.identity.resolveHandle",
    "com.atproto.repo.deleteRecord", "com.atproto.repo.getRecord", "com.atproto.repo.listRecords",
    "com.atproto.repo.putRecord", "com.atproto.repo.uploadBlob", "com.atproto.server.createSession",
    "com.atproto.server.refreshSession", "com.atproto.sync.getRecord",
)  # fmt: skip
"""The methods and records that the connector uses."""

NAME = r"[a-zA-Z]([a-zA-Z0-9-]{0,62}[a-zA-Z0-9])?"
LABEL = r"[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
NSID = rf"[a-zA-Z]([a-zA-Z0-9-]{{0,61}}[a-zA-Z0-9])?(\.{LABEL})+\.[a-zA-Z][a-zA-Z0-9]{{0,62}}"
DID = r"did:[a-z]+:[a-zA-Z0-9._:%-]*[a-zA-Z0-9._-]"
HANDLE = rf"({LABEL}\.)+{NAME}"
RECORD_KEY = r"(?!\.{1,2}$)[a-zA-Z0-9_~.:-]{1,512}"
DATETIME = (
    r"[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\.[0-9]{1,20})?(Z|[+-][0-2][0-9]:[0-5][0-9])"
)
FORMATS = {
    "at-identifier": rf"({DID}|{HANDLE})",
    "at-uri": rf"at://({DID}|{HANDLE})(/{NSID}(/{RECORD_KEY})?)?",
    "cid": r"[a-zA-Z0-9+=]{8,256}",
    "datetime": DATETIME,
    "did": DID,
    "handle": HANDLE,
    "language": r"(i|[a-z]{2,3})(-[a-zA-Z0-9-]+)?",
    "nsid": NSID,
    "record-key": RECORD_KEY,
    "tid": r"[234567abcdefghij][234567abcdefghijklmnopqrstuvwxyz]{12}",
    "uri": r"[a-z][a-z0-9+.-]*:[^\s]+",
}
"""https://atproto.com/specs/lexicon#string-formats, each as the specification of its syntax has it."""
GRAPHEME = regex.compile(r"\X")
VERBS = {"query": "GET", "procedure": "POST"}
OF_ANY_METHOD = frozenset(
    {
        *("AuthMissing", "AuthenticationRequired", "ExpiredToken", "InvalidRequest", "InvalidToken"),
        "MethodNotImplemented",
    }
)
"""Why a server refuses any method, as Bluesky's own server has it: https://atproto.com/specs/xrpc#error-responses"""


class Violation(Exception):
    """A value that is not what a lexicon says: where, and why."""


@cache
def stored() -> Mapping[str, Any]:
    """Return the definitions by lexicon."""
    lexicons: Mapping[str, Any] = json.loads(STORED.read_text("utf-8"))["lexicons"]
    return lexicons


def hold_record(record: Any, key: str) -> None:
    """Raise Violation unless this is a record of the type that it names, under a key that fits it."""
    kind = record.get("$type") if isinstance(record, dict) else None
    if kind not in stored():
        raise Violation(f"no lexicon for a record of type {kind}")
    main = stored()[kind]["main"]
    if main["key"] == "tid" and not re.fullmatch(FORMATS["tid"], key):
        raise Violation(f"{key} is no tid")
    hold(main["record"], record, kind)


def hold_query(method: str, query: Mapping[str, list[str]]) -> Json:
    """Return the parameters of a request, as their types; raises Violation when they are not what the method takes."""
    schema = stored()[method]["main"].get("parameters", {"properties": {}})
    if unknown := set(query) - set(schema["properties"]):
        raise Violation(f"{method} does not take {unknown}")
    typed = {name: _typed(schema["properties"][name], values) for name, values in query.items()}
    hold({**schema, "type": "object"}, typed, method)
    return typed


def _typed(schema: Json, values: list[str]) -> Any:
    if schema["type"] == "array":
        return values
    if schema["type"] == "integer":
        return int(values[0])
    return values[0] == "true" if schema["type"] == "boolean" else values[0]


def hold_input(method: str, body: Any) -> None:
    """Raise Violation unless a request's body is what the method takes, and nothing else than that."""
    schema = stored()[method]["main"]["input"]["schema"]
    hold(schema, body, method)
    if unknown := set(body) - set(schema["properties"]):
        raise Violation(f"{method} does not take {unknown}")


def hold_output(method: str, body: Any) -> None:
    """Raise Violation unless an answer is what the method gives."""
    output = stored()[method]["main"].get("output", {})
    if "schema" in output:
        hold(output["schema"], body, method)


def hold_verb(verb: str, method: str) -> None:
    """Raise Violation unless a method is asked with the HTTP verb of its kind: https://atproto.com/specs/xrpc"""
    kind = stored()[method]["main"]["type"]
    _must(VERBS[kind] == verb, method, f"is a {kind}, so it is not asked with {verb}")


def hold_refusal(method: str, name: str) -> None:
    """Raise Violation unless a method may be refused by this name."""
    declared = {error["name"] for error in stored()[method]["main"].get("errors", ())}
    _must(name in declared | OF_ANY_METHOD, method, f"is not refused as {name}")


def hold(schema: Json, value: Any, lexicon: str, at: str = "") -> None:
    """Raise Violation unless a value is what a schema says."""
    HOLDS[schema["type"]](schema, value, lexicon, at)


def _must(holds: bool, at: str, why: str) -> None:
    if not holds:
        raise Violation(f"{at or '.'} {why}")


def _object(schema: Json, value: Any, lexicon: str, at: str) -> None:
    _must(isinstance(value, dict), at, "is no object")
    nullable = schema.get("nullable", ())
    for name in schema.get("required", ()):
        _must(name in value, at, f"lacks {name}")
    for name, each in schema.get("properties", {}).items():
        if name in value and not (value[name] is None and name in nullable):
            hold(each, value[name], lexicon, f"{at}.{name}")


def _array(schema: Json, value: Any, lexicon: str, at: str) -> None:
    _must(isinstance(value, list), at, "is no list")
    _must(schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)), at, "is too short or long")
    for number, each in enumerate(value):
        hold(schema["items"], each, lexicon, f"{at}[{number}]")


def _string(schema: Json, value: Any, lexicon: str, at: str) -> None:
    _must(isinstance(value, str), at, "is no text")
    size, graphemes = len(value.encode()), len(GRAPHEME.findall(value))
    _must(schema.get("minLength", 0) <= size <= schema.get("maxLength", size), at, f"has {size} bytes")
    most = schema.get("maxGraphemes", graphemes)
    _must(schema.get("minGraphemes", 0) <= graphemes <= most, at, f"has {graphemes} graphemes")
    _one_of(schema, value, at)
    if "format" in schema:
        _must(re.fullmatch(FORMATS[schema["format"]], value) is not None, at, f"is no {schema['format']}: {value!r}")


def _integer(schema: Json, value: Any, lexicon: str, at: str) -> None:
    _must(isinstance(value, int) and not isinstance(value, bool), at, "is no whole number")
    _must(schema.get("minimum", value) <= value <= schema.get("maximum", value), at, "is too small or large")
    _one_of(schema, value, at)


def _boolean(schema: Json, value: Any, lexicon: str, at: str) -> None:
    _must(isinstance(value, bool), at, "is no boolean")
    _one_of(schema, value, at)


def _one_of(schema: Json, value: Any, at: str) -> None:
    _must(value in schema.get("enum", (value,)), at, f"is not one of {schema.get('enum')}")
    _must(value == schema.get("const", value), at, f"is not {schema.get('const')}")


def _ref(schema: Json, value: Any, lexicon: str, at: str) -> None:
    where, name = named(schema["ref"], lexicon)
    hold(stored()[where][name], value, where, at)


def _union(schema: Json, value: Any, lexicon: str, at: str) -> None:
    _must(isinstance(value, dict) and isinstance(value.get("$type"), str), at, "has no $type")
    allowed = [named(ref, lexicon) for ref in schema["refs"]]
    kind = named(value["$type"], lexicon)
    _must(kind in allowed or not schema.get("closed"), at, f"may not be a {value['$type']}")
    if kind in allowed:
        hold(stored()[kind[0]][kind[1]], value, kind[0], at)


def _blob(schema: Json, value: Any, lexicon: str, at: str) -> None:
    _must(isinstance(value, dict) and value.get("$type") == "blob", at, "is no blob")
    _must(value["size"] <= schema.get("maxSize", value["size"]), at, "is too large")


def _unknown(schema: Json, value: Any, lexicon: str, at: str) -> None:
    _must(isinstance(value, dict), at, "is no object")


HOLDS = {
    "object": _object, "array": _array, "string": _string, "integer": _integer, "boolean": _boolean, "ref": _ref,
    "union": _union, "blob": _blob, "unknown": _unknown,
}  # fmt: skip


def named(ref: str, lexicon: str) -> tuple[str, str]:
    """Return the lexicon and the definition that a reference names: `app.bsky.feed.defs#postView`, `#postView`."""
    where, _, name = ref.partition("#")
    return where or lexicon, name or "main"


# --- Taking them from the protocol's repository ----------------------------------------------------


def closure(folder: Path) -> dict[str, Json]:
    """Return all definitions that what is used refers to, without their descriptions."""
    found: dict[str, Json] = {}
    waiting = [(each, "main") for each in USED]
    while waiting:
        lexicon, name = waiting.pop()
        if name in found.get(lexicon, {}):
            continue
        path = folder / "lexicons" / Path(*lexicon.split(".")).with_suffix(".json")
        definition = _without_words(json.loads(path.read_text("utf-8"))["defs"][name])
        found.setdefault(lexicon, {})[name] = definition
        waiting += [named(ref, lexicon) for ref in _refs(definition)]
    return {lexicon: dict(sorted(found[lexicon].items())) for lexicon in sorted(found)}


def _without_words(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_words(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {k: _without_words(each) for k, each in value.items() if k != "description" or not isinstance(each, str)}


def _refs(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for each in value:
            yield from _refs(each)
    elif isinstance(value, dict):
        yield from [value["ref"]] if isinstance(value.get("ref"), str) else []
        yield from value["refs"] if isinstance(value.get("refs"), list) and value.get("type") == "union" else []
        for each in value.values():
            yield from _refs(each)


if __name__ == "__main__":
    checkout = Path(sys.argv[1])
    kept = json.loads(STORED.read_text("utf-8")) if STORED.exists() else {}
    text = ",\n".join(f'  "{k}": {json.dumps(v, separators=(",", ":"))}' for k, v in closure(checkout).items())
    head = "\n".join(f' "{k}": {json.dumps(v)},' for k, v in kept.items() if k != "lexicons")
    STORED.write_text(f'{{\n{head}\n "lexicons": {{\n{text}\n }}\n}}\n', "utf-8")

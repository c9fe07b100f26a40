"""Holds requests to the parameters and fields that the Graph API has, by the lists in the package facebook-business.

An extract is in parameters.json beside this module, with where it comes from: of each edge that we use its
parameters, of each node its fields. To take it anew from the unpacked package:
`uv run python -m tests.connectors.meta.parameters FOLDER VERSION`.
"""

import ast
import json
import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

Json = dict[str, Any]

STORED = Path(__file__).parent / "parameters.json"
USED = {
    "comment": ("api_get", "api_update", "api_delete", "get_comments", "create_comment", "create_like", "delete_likes",
                "get_likes"),
    "page": ("api_get", "get_feed", "get_visitor_posts", "get_tagged", "get_ratings", "get_conversations",
             "create_message", "create_photo", "get_subscribed_apps", "create_subscribed_app"),
    "igcomment": ("api_get", "api_update", "api_delete", "get_replies", "create_reply"),
    "igmedia": ("api_get", "get_comments"),
    "iguser": ("api_get", "get_media", "create_mention"),
    "pagepost": ("api_get", "get_comments", "create_comment", "create_like", "delete_likes"),
    "recommendation": (),
    "unifiedthread": ("api_get", "get_messages"),
    "user": ("get_accounts",),
}  # fmt: skip
"""The nodes that the connector uses, and the methods of the package for what it asks of them."""
PAGED = frozenset({"fields", "limit", "after", "summary"})
"""What every reading takes: https://developers.facebook.com/docs/graph-api/results"""
UNLISTED = {
    "message": set("attachments created_time from id is_unsupported message shares sticker story to".split()),
    "page": {"access_token", "link", "name", "username", "id", "instagram_business_account"},
    "pagepost": {"attachments"},
}
"""Fields that the package has no list of: https://developers.facebook.com/docs/graph-api/reference/v26.0/message
and https://developers.facebook.com/docs/graph-api/reference/page-post"""
LEADS_TO = {
    "comments": "comment",
    "parent": "comment",
    "messages": "message",
    "private_reply_conversation": "unifiedthread",
    "instagram_business_account": "iguser",
    "igmedia comments": "igcomment",
    "replies": "igcomment",
    "media": "igmedia",
    "mentioned_media": "igmedia",
    "mentioned_comment": "igcomment",
}
"""The nodes that fields and edges lead to, where it matters those of one node; of others the fields are not held."""
ARGUMENTS = {"mentioned_media": {"media_id"}, "mentioned_comment": {"comment_id"}}
"""What fields take besides: https://developers.facebook.com/docs/instagram-platform/instagram-graph-api/reference/ig-user"""

FILES = {"POST page/photos": {"source"}}
"""What is given as a file: https://developers.facebook.com/docs/graph-api/reference/page/photos"""


class Violation(Exception):
    """A request that Graph does not know: where, and why."""


@cache
def stored() -> Mapping[str, Any]:
    """Return the parameters by edge, and the fields by node."""
    read: Mapping[str, Any] = json.loads(STORED.read_text("utf-8"))
    return read


def hold(method: str, node: str, edge: str, given: Mapping[str, Any], *, gives: str) -> None:
    """Raise Violation unless an edge of a node takes these parameters; the objects that it `gives` have the fields."""
    known = stored()["edges"].get(f"{method} {node}/{edge}".rstrip("/"))
    if known is None:
        raise Violation(f"{node} has no edge {method} {edge}")
    for name, value in given.items():
        if (method == "GET" and name in PAGED) or name in FILES.get(f"{method} {node}/{edge}", ()):
            continue
        if name not in known:
            raise Violation(f"{method} {node}/{edge} does not take {name}")
        _hold_value(name, known[name], value)
    if "fields" in given:
        hold_fields(str(given["fields"]), gives)


def _hold_value(name: str, kind: Any, value: Any) -> None:
    fits = {
        "bool": isinstance(value, bool) or value in ("true", "false"),
        "string": isinstance(value, str),
        "Object": isinstance(value, dict | str),
    }
    several = value if isinstance(value, list) else [value]
    if isinstance(kind, list) and not all(each in kind for each in several):
        raise Violation(f"{name} is not one of {kind}: {value}")
    if isinstance(kind, str) and not fits.get(kind, True):
        raise Violation(f"{name} is no {kind}: {value!r}")


def hold_fields(asked: str, node: str) -> None:
    """Raise Violation unless a node has these fields; those of what a field leads to follow it in braces."""
    for name, arguments, inner in fields_in(asked):
        known = stored()["fields"].get(node)
        if known is not None and name not in known and f"GET {node}/{name}" not in stored()["edges"]:
            raise Violation(f"{node} has no field {name}")
        taken = stored()["edges"].get(f"GET {node}/{name}", {})
        if unknown := set(arguments) - set(taken) - PAGED - {"order", "filter"} - ARGUMENTS.get(name, set()):
            raise Violation(f"{name} does not take {unknown}")
        leads_to = LEADS_TO.get(f"{node} {name}") or LEADS_TO.get(name)
        if inner and leads_to:
            hold_fields(inner, leads_to)


def fields_in(asked: str) -> Iterator[tuple[str, dict[str, str], str]]:
    """Yield name, arguments, and inner fields: `comments.limit(5).order(x){id,from},id`."""
    at = 0
    while at < len(asked):
        head = re.compile(r"(\w+)((?:\.\w+\([^)]*\))*)").match(asked, at)
        if head is None:
            raise Violation(f"no list of fields: {asked[at:]}")
        at, inner = head.end(), ""
        if asked[at : at + 1] == "{":
            end = _closing(asked, at)
            inner, at = asked[at + 1 : end], end + 1
        yield head[1], dict(re.findall(r"\.(\w+)\(([^)]*)\)", head[2])), inner
        if at < len(asked) and asked[at] != ",":
            raise Violation(f"no list of fields: {asked[at:]}")
        at += 1


def _closing(asked: str, at: int) -> int:
    depth = 0
    for place in range(at, len(asked)):
        depth += {"{": 1, "}": -1}.get(asked[place], 0)
        if depth == 0:
            return place
    raise Violation(f"a brace is not closed: {asked[at:]}")


# --- Taking them from the package ------------------------------------------------------------------


def extract(folder: Path) -> Json:
    """Return the parameters of the edges that are used, and the fields of their nodes."""
    edges: Json = {}
    fields: Json = {}
    for node, methods in USED.items():
        tree = ast.parse((folder / "facebook_business" / "adobjects" / f"{node}.py").read_text("utf-8"))
        main = next(each for each in tree.body if isinstance(each, ast.ClassDef))
        enums = {each.name: _constants(each) for each in main.body if isinstance(each, ast.ClassDef)}
        fields[node] = sorted({*enums.get("Field", []), *UNLISTED.get(node, ())})
        if node == "page":  # it has some hundreds; these are used
            fields[node] = sorted(UNLISTED[node])
        for each in main.body:
            if isinstance(each, ast.FunctionDef) and each.name in methods:
                name, parameters = _edge(each, node, enums)
                edges[name] = parameters
    fields["message"] = sorted(UNLISTED["message"])
    del fields["user"]  # nothing of a person is asked
    return {"edges": dict(sorted(edges.items())), "fields": dict(sorted(fields.items()))}


def _constants(each: ast.ClassDef) -> list[str]:
    return sorted(
        str(one.value.value) for one in each.body if isinstance(one, ast.Assign) and isinstance(one.value, ast.Constant)
    )


def _edge(each: ast.FunctionDef, node: str, enums: Mapping[str, list[str]]) -> tuple[str, Json]:
    given = {
        one.targets[0].id: one.value
        for one in each.body
        if isinstance(one, ast.Assign) and isinstance(one.targets[0], ast.Name)
    }
    call = next(
        one for one in ast.walk(each) if isinstance(one, ast.Call) and getattr(one.func, "id", "") == "FacebookRequest"
    )
    told = {word.arg: str(word.value.value) for word in call.keywords if isinstance(word.value, ast.Constant)}
    listed = _listed(given["enums"], enums)
    kinds: Json = ast.literal_eval(given["param_types"])
    parameters = {name: listed.get(re.sub(r"^list<(.*)>$", r"\1", kind), kind) for name, kind in kinds.items()}
    return f"{told['method']} {node}{told['endpoint'].rstrip('/')}", parameters


def _listed(written: ast.expr, enums: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Return the values of the enums of a method: listed there, or named as those of this class."""
    found: dict[str, list[str]] = {}
    assert isinstance(written, ast.Dict)
    for key, value in zip(written.keys, written.values, strict=True):
        assert isinstance(key, ast.Constant)
        if isinstance(value, ast.List):
            found[str(key.value)] = ast.literal_eval(value)
            continue
        owner, name = re.findall(r"(\w+)\.(\w+)\.__dict__", ast.unparse(value))[0]
        found[str(key.value)] = enums.get(name) or _of_other(owner, name)
    return found


def _of_other(owner: str, name: str) -> list[str]:
    path = Path(sys.argv[1]) / "facebook_business" / "adobjects" / f"{owner.lower()}.py"
    for each in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(each, ast.ClassDef) and each.name == name:
            return _constants(each)
    raise LookupError(f"{owner}.{name}")


if __name__ == "__main__":
    head = {
        "source": f"PyPI's facebook-business {sys.argv[2]}: names of parameters and fields, and values of enums",
        "licence": "Copyright (c) Meta Platforms, Inc. and affiliates; the licence of that package allows its use "
        "in connection with the web services and APIs provided by Facebook",
    }
    taken = extract(Path(sys.argv[1]))
    lines = [f' "{name}": {json.dumps(value)}' for name, value in head.items()]
    for part, values in taken.items():
        inside = ",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in values.items())
        lines.append(f' "{part}": {{\n{inside}\n }}')
    STORED.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")

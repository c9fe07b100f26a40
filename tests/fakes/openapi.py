"""Holds values to an extract of an OpenAPI file (https://spec.openapis.org/oas/v3.1.0): the part of JSON Schema in it.

An extract is JSON with `schemas` by name, and `operations` by method and path, each with the schemas of its `query`,
`body` and `answer`.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

Json = dict[str, Any]

TYPES: Mapping[str, type | tuple[type, ...]] = {
    "object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool,
}  # fmt: skip


class Violation(Exception):
    """A value that is not what the file says: where, and why."""


class OpenApi:
    """An extract."""

    def __init__(self, path: Path) -> None:
        stored = json.loads(path.read_text("utf-8"))
        self.schemas: Mapping[str, Json] = stored["schemas"]
        self.operations: Mapping[str, Json] = stored["operations"]

    def hold_request(self, operation: str, query: Mapping[str, str], body: Any) -> None:
        """Raise Violation unless a request is what an operation takes, and has nothing else."""
        if operation not in self.operations:
            raise Violation(f"there is no {operation}")
        takes = self.operations[operation]
        if unknown := set(query) - set(takes.get("query", {})):
            raise Violation(f"{operation} does not take {unknown}")
        for name, value in query.items():
            schema = takes["query"][name]
            self.hold(schema, int(value) if schema["type"] == "integer" and value.isdecimal() else value, name)
        if "body" in takes:
            self.hold(takes["body"], body, "body")
        elif body:
            raise Violation(f"{operation} takes no body")

    def hold_answer(self, operation: str, body: Any) -> None:
        """Raise Violation unless an answer is what an operation gives."""
        self.hold(self.operations[operation]["answer"], body, "answer")

    def hold_named(self, name: str, value: Any) -> None:
        """Raise Violation unless a value is what the schema of this name says."""
        self.hold(self.schemas[name], value, name)

    def hold(self, schema: Json, value: Any, at: str) -> None:
        """Raise Violation unless a value is what a schema says; an object has no other fields than the schema names."""
        schema = self._whole(schema)
        if "oneOf" in schema:
            return self._one_of(schema, value, at)
        kind = schema.get("type", "object" if "properties" in schema else None)
        if kind is not None:
            is_kind = isinstance(value, TYPES[kind]) and isinstance(value, bool) is (kind == "boolean")
            _must(is_kind, at, f"is no {kind}")
        for name, check in CHECKS.items():
            if name in schema:
                _must(check(schema[name], value), at, f"is against its {name}: {schema[name]}")
        if kind == "object":
            self._object(schema, value, at)
        if kind == "array" and "items" in schema:
            for number, each in enumerate(value):
                self.hold(schema["items"], each, f"{at}[{number}]")
        return None

    def _object(self, schema: Json, value: Json, at: str) -> None:
        for name in schema.get("required", ()):
            _must(name in value, at, f"lacks {name}")
        known = schema.get("properties", {})
        if unknown := set(value) - set(known):
            raise Violation(f"{at} has {sorted(unknown)}")
        for name, each in value.items():
            self.hold(known[name], each, f"{at}.{name}")

    def _one_of(self, schema: Json, value: Any, at: str) -> None:
        if found := schema.get("discriminator"):
            _must(isinstance(value, dict), at, "is no object")
            kind = value.get(found["propertyName"])
            _must(kind in found["mapping"], at, f"may not be a {kind}")
            return self.hold({"$ref": found["mapping"][kind]}, value, at)
        why = []
        for each in schema["oneOf"]:
            try:
                return self.hold(each, value, at)
            except Violation as violation:
                why.append(str(violation))
        raise Violation(f"{at} is none of these: {'; '.join(why)}")

    def _whole(self, schema: Json) -> Json:
        """Return a schema with what it refers to, and with the parts of its `allOf` as one."""
        if "$ref" in schema:
            return self._whole(self.schemas[name_of(schema["$ref"])])
        if "allOf" not in schema:
            return schema
        parts = [self._whole(each) for each in schema["allOf"]]
        whole = {key: value for part in (*parts, schema) for key, value in part.items() if key != "allOf"}
        whole["properties"] = {k: v for part in parts for k, v in part.get("properties", {}).items()}
        whole["required"] = sorted({name for part in parts for name in part.get("required", ())})
        return whole


CHECKS = {
    "enum": lambda given, value: value in given,
    "const": lambda given, value: value == given,
    "pattern": lambda given, value: re.search(given, value) is not None,
    "minLength": lambda given, value: len(value) >= given,
    "maxLength": lambda given, value: len(value) <= given,
    "minItems": lambda given, value: len(value) >= given,
    "maxItems": lambda given, value: len(value) <= given,
    "minimum": lambda given, value: value >= given,
    "maximum": lambda given, value: value <= given,
}


def name_of(ref: str) -> str:
    """Return the schema that a reference names."""
    return ref.rpartition("/")[2]


def refs(value: Any) -> Iterator[str]:
    """Yield the schemas that a schema refers to."""
    if isinstance(value, list):
        for each in value:
            yield from refs(each)
    elif isinstance(value, dict):
        yield from [name_of(value["$ref"])] if isinstance(value.get("$ref"), str) else []
        mapping = value.get("mapping")
        yield from map(name_of, mapping.values()) if isinstance(mapping, dict) else ()
        for each in value.values():
            yield from refs(each)


def without_words(value: Any) -> Any:
    """Return a schema without descriptions and examples."""
    if isinstance(value, list):
        return [without_words(each) for each in value]
    if not isinstance(value, dict):
        return value
    left = {k: v for k, v in value.items() if k != "properties" and k not in {"description", "example", "examples"}}
    named = {k: without_words(v) for k, v in value.get("properties", {}).items()}
    return {k: without_words(v) for k, v in left.items()} | ({"properties": named} if "properties" in value else {})


def _must(holds: bool, at: str, why: str) -> None:
    if not holds:
        raise Violation(f"{at} {why}")

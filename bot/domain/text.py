"""A sentence for people before it is put into their language."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self


@dataclass(frozen=True)
class Text:
    """An English sentence with {placeholders} and what fills them; the key of the message catalogues.

    It is kept (as JSON) and passed around untranslated; `Texts` turns it into the reader's language.
    """

    message: str
    params: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.message.format_map(self.params) if self.params else self.message

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {"message": self.message, "params": {k: str(v) for k, v in self.params.items()}}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Return what `to_json` kept."""
        return cls(value["message"], value["params"])


def text(message: str, /, **params: Any) -> Text:
    """Mark a sentence for translation and keep it with its values."""
    return Text(message, params)


class Refused(Exception):
    """A rule says no. The text is for the agent: one kind sentence."""

    def __init__(self, message: str, /, **params: Any) -> None:
        self.text = Text(message, params)
        super().__init__(str(self.text))


class Wrong(Refused):
    """Fields of a form that cannot be taken: by the name of each, what to write instead."""

    def __init__(self, fields: Mapping[str, Text]) -> None:
        self.fields = dict(fields)
        first = next(iter(self.fields.values()))
        super().__init__(first.message, **first.params)

"""A sentence for people, before translation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self


@dataclass(frozen=True)
class Text:
    """An English sentence with {placeholders}, and their values; the sentence is the key in the catalogues.

    A value may be a sentence too, which is then translated with it. We store texts (as JSON) and pass them on
    untranslated; `Texts` translates them for the reader.
    """

    message: str
    params: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.message.format_map(self.params) if self.params else self.message

    def to_json(self) -> dict[str, Any]:
        """Return the text as JSON."""
        stored = {name: each.to_json() if isinstance(each, Text) else str(each) for name, each in self.params.items()}
        return {"message": self.message, "params": stored}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Return the text from the JSON of `to_json`."""
        params = {
            name: cls.from_json(each) if isinstance(each, Mapping) else each for name, each in value["params"].items()
        }
        return cls(value["message"], params)


def text(message: str, /, **params: Any) -> Text:
    """Mark a sentence for translation; return it with its values."""
    return Text(message, params)


def together(sentences: Sequence[Text]) -> Text:
    """Return several sentences as one text, each once; one alone stays as it is."""
    each_once = [each for at, each in enumerate(sentences) if each not in sentences[:at]]
    if len(each_once) == 1:
        return each_once[0]
    return Text(_together(len(each_once)), {f"_{at}": each for at, each in enumerate(each_once)})


def apart(words: Text) -> tuple[Text, ...]:
    """Return the sentences of a text that `together` made; any other is one itself."""
    sentences = tuple(each for each in words.params.values() if isinstance(each, Text))
    return sentences if sentences and words.message == _together(len(sentences)) else (words,)


def _together(count: int) -> str:
    return " ".join(f"{{_{at}}}" for at in range(count))


class Refused(Exception):
    """A rule refuses the action. The text is for the agent: one kind sentence."""

    def __init__(self, message: str, /, **params: Any) -> None:
        self.text = Text(message, params)
        super().__init__(str(self.text))


class Wrong(Refused):
    """Fields of a form with a wrong value: by the name of each, what to write instead."""

    def __init__(self, fields: Mapping[str, Text]) -> None:
        self.fields = dict(fields)
        first = next(iter(self.fields.values()))
        super().__init__(first.message, **first.params)

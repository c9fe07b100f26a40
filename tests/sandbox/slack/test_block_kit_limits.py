"""Block Kit's limits, one by one: what Slack accepts, and what it refuses with which pointer."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox.slack import blocks, modals
from bot.sandbox.slack.blocks import HOME, MESSAGE, MODAL


def plain(text: str = "x", **fields: Any) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, **fields}


def mrkdwn(text: str = "x", **fields: Any) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text, **fields}


def section(**fields: Any) -> dict[str, Any]:
    return {"type": "section", **fields}


def button(**fields: Any) -> dict[str, Any]:
    return {"type": "button", "action_id": "a", "text": plain(), **fields}


def actions(*elements: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"type": "actions", "elements": list(elements), **fields}


def options(count: int, **fields: Any) -> list[dict[str, Any]]:
    return [{"text": plain(str(i)), "value": str(i), **fields} for i in range(count)]


def select(count: int = 2, **fields: Any) -> dict[str, Any]:
    return {"type": "static_select", "action_id": "a", "options": options(count), **fields}


def choose(kind: str, count: int, **fields: Any) -> dict[str, Any]:
    return {"type": kind, "action_id": "a", "options": options(count), **fields}


def asked(element: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    return {
        "type": "input",
        "label": plain(),
        "element": element or {"type": "plain_text_input", "action_id": "a"},
        **fields,
    }


def pie(segments: int, **fields: Any) -> dict[str, Any]:
    chart = {"type": "pie", "segments": [{"label": str(i), "value": 1} for i in range(segments)]}
    return {"type": "data_visualization", "title": "Vragen", "chart": chart, **fields}


def bars(labels: list[str], categories: list[str], series: int = 1, kind: str = "bar") -> dict[str, Any]:
    data = [{"label": label, "value": -1.5} for label in labels]
    named = [{"name": f"reeks {i}", "data": data} for i in range(series)]
    chart = {"type": kind, "series": named, "axis_config": {"categories": categories}}
    return {"type": "data_visualization", "title": "Vragen", "chart": chart}


def table(rows: int, columns: int = 2, **fields: Any) -> dict[str, Any]:
    cells = [[{"type": "raw_text", "text": "x"} for _ in range(columns)] for _ in range(rows)]
    return {"type": "data_table", "caption": "Vragen", "rows": cells, **fields}


def cell(text: str) -> dict[str, Any]:
    return {"type": "raw_text", "text": text}


def rich(*pieces: Any, part: str = "rich_text_quote") -> dict[str, Any]:
    return {"type": "rich_text", "elements": [{"type": part, "elements": list(pieces)}]}


WORDS = {"type": "text", "text": "x"}
IMAGE = {"type": "image", "image_url": "https://voorbeeld.example/a.png", "alt_text": "x"}

TAKEN = [
    section(text=mrkdwn("x" * 3000)),
    section(fields=[plain("x" * 2000)] * 10),
    section(text=plain(), accessory=button()),
    section(text=plain(), accessory=IMAGE),
    {"type": "header", "text": plain("x" * 150)},
    {"type": "divider"},
    {"type": "context", "elements": [mrkdwn()] * 9 + [IMAGE]},
    IMAGE,
    actions(*[button(action_id=str(i)) for i in range(25)]),
    actions(button(text=plain("x" * 75), value="x" * 2000, style="danger", url="https://voorbeeld.example")),
    actions(select(100)),
    actions(select(initial_option=options(2)[1])),
    actions({"type": "static_select", "action_id": "a", "option_groups": [{"label": plain(), "options": options(2)}]}),
    actions(choose("overflow", 1)),
    actions(choose("overflow", 5)),
    actions(choose("radio_buttons", 10)),
    actions({"type": "users_select", "action_id": "a", "placeholder": plain("x" * 150)}),
    actions(button(confirm={"title": plain(), "text": mrkdwn("x" * 300), "confirm": plain(), "deny": plain()})),
    asked(),
    asked(choose("checkboxes", 10), optional=True, hint=plain()),
    {"type": "markdown", "text": "**x**"},
    {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": []}]},
    rich(WORDS | {"style": {"bold": True}}, {"type": "link", "url": "https://voorbeeld.example"}),
    {
        "type": "rich_text",
        "elements": [
            {
                "type": "rich_text_list",
                "style": "bullet",
                "elements": [{"type": "rich_text_section", "elements": [WORDS]}],
            }
        ],
    },
    {"type": "table", "rows": [[cell("x"), rich(WORDS)]]},
    pie(6),
    bars(["ma", "di"], ["ma", "di"], series=6),
    bars(["ma"], ["ma"], kind="line"),
    bars(["ma"], ["ma"], kind="area"),
    table(2),
    table(101, 20, page_size=100),
]


@pytest.mark.parametrize("block", TAKEN, ids=lambda block: block["type"])
def test_slack_accepts(block: dict[str, Any]) -> None:
    assert blocks.problems([block], MESSAGE) == []


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"text": plain()}, "/blocks/0", "missing required field: type"),
    ({"type": "banana"}, "/blocks/0/type", "unsupported type: banana"),
    ({"type": "alert", "text": plain()}, "/blocks/0/type", "unsupported type: alert"),
    (section(), "/blocks/0", "must define either `text` or `fields`"),
    (section(text=mrkdwn("x" * 3001)), "/blocks/0/text/text", "must be less than 3001 characters"),
    (section(text=mrkdwn("")), "/blocks/0/text/text", "must be more than 0 characters"),
    (section(text="x"), "/blocks/0/text", "must be an object"),
    (section(text={"type": "html", "text": "x"}), "/blocks/0/text/type", "must be one of: plain_text, mrkdwn"),
    (section(text=mrkdwn(emoji=True)), "/blocks/0/text/emoji", "additional property: emoji"),
    (section(fields=[plain()] * 11), "/blocks/0/fields", "no more than 10 items allowed"),
    (section(fields=[plain("x" * 2001)]), "/blocks/0/fields/0/text", "must be less than 2001 characters"),
    (section(text=plain(), accessory=asked()["element"]), "/blocks/0/accessory/type",
     "unsupported type: plain_text_input"),
    (section(text=plain(), block_id="x" * 256), "/blocks/0/block_id", "must be less than 256 characters"),
    ({"type": "header", "text": plain("x" * 151)}, "/blocks/0/text/text", "must be less than 151 characters"),
    ({"type": "header", "text": mrkdwn()}, "/blocks/0/text/type", "must be one of: plain_text"),
    ({"type": "context", "elements": [mrkdwn()] * 11}, "/blocks/0/elements", "no more than 10 items allowed"),
    ({"type": "context", "elements": []}, "/blocks/0/elements", "no fewer than 1 items allowed"),
    ({"type": "image", "image_url": "https://a.example/a.png"}, "/blocks/0", "missing required field: alt_text"),
    ({"type": "image", "alt_text": "x"}, "/blocks/0", "missing required field: image_url"),
    ({**IMAGE, "alt_text": "x" * 2001}, "/blocks/0/alt_text", "must be less than 2001 characters"),
    ({**IMAGE, "image_url": "https://a.example/" + "x" * 3000}, "/blocks/0/image_url",
     "must be less than 3001 characters"),
    ({**IMAGE, "image_url": "lamp.png"}, "/blocks/0/image_url", "must be a valid URL"),
    ({**IMAGE, "image_url": "https://a.invalid/a.png"}, "/blocks/0/image_url", "downloading image failed"),
    (actions(), "/blocks/0/elements", "no fewer than 1 items allowed"),
    (actions(*[button(action_id=str(i)) for i in range(26)]), "/blocks/0/elements", "no more than 25 items allowed"),
    (actions(button(), button()), "/blocks/0/elements/1/action_id", "`action_id` must be unique: a already exists"),
    (actions(button(text=mrkdwn())), "/blocks/0/elements/0/text/type", "must be one of: plain_text"),
    (actions(button(text=plain("x" * 76))), "/blocks/0/elements/0/text/text", "must be less than 76 characters"),
    (actions(button(value="x" * 2001)), "/blocks/0/elements/0/value", "must be less than 2001 characters"),
    (actions(button(value=7)), "/blocks/0/elements/0/value", "must provide a string"),
    (actions(button(action_id="x" * 256)), "/blocks/0/elements/0/action_id", "must be less than 256 characters"),
    (actions(button(style="big")), "/blocks/0/elements/0/style", "must be one of: primary, danger"),
    (actions(button(url="x" * 3001)), "/blocks/0/elements/0/url", "must be less than 3001 characters"),
    (actions(button(url="javascript:alert(1)")), "/blocks/0/elements/0/url", "must be a valid URL"),
    (actions(button(confirm={"text": mrkdwn("x" * 301)})), "/blocks/0/elements/0/confirm/text/text",
     "must be less than 301 characters"),
    (actions(choose("overflow", 0)), "/blocks/0/elements/0/options", "no fewer than 1 items allowed"),
    (actions(choose("overflow", 6)), "/blocks/0/elements/0/options", "no more than 5 items allowed"),
    (actions(select(101)), "/blocks/0/elements/0/options", "no more than 100 items allowed"),
    (actions(select(options=[{"text": plain("x" * 76), "value": "1"}])), "/blocks/0/elements/0/options/0/text/text",
     "must be less than 76 characters"),
    (actions(select(options=[{"text": plain(), "value": "x" * 151}])), "/blocks/0/elements/0/options/0/value",
     "must be less than 151 characters"),
    (actions(select(initial_option=options(9)[8])), "/blocks/0/elements/0/initial_option",
     "must match one of the options"),
    (actions(choose("radio_buttons", 11)), "/blocks/0/elements/0/options", "no more than 10 items allowed"),
    (actions(asked()["element"]), "/blocks/0/elements/0/type", "unsupported type: plain_text_input"),
    (asked(button()), "/blocks/0/element/type", "unsupported type: button"),
    (asked(label=mrkdwn()), "/blocks/0/label/type", "must be one of: plain_text"),
    (asked({"type": "plain_text_input", "action_id": "a", "max_length": 3001}), "/blocks/0/element/max_length",
     "must be between 1 and 3000"),
    (asked({"type": "plain_text_input", "action_id": "a", "initial_value": "x" * 3001}),
     "/blocks/0/element/initial_value", "must be less than 3001 characters"),
    ({"type": "rich_text", "elements": [WORDS]}, "/blocks/0/elements/0/type", "unsupported type: text"),
    (rich(WORDS | {"text": ""}), "/blocks/0/elements/0/elements/0/text", "must be more than 0 characters"),
    (rich({"type": "text"}), "/blocks/0/elements/0/elements/0", "missing required field: text"),
    (rich(mrkdwn()), "/blocks/0/elements/0/elements/0/type", "unsupported type: mrkdwn"),
    (rich(WORDS | {"style": "bold"}), "/blocks/0/elements/0/elements/0/style", "must be an object of booleans"),
    (rich(WORDS, part="rich_text_list"), "/blocks/0/elements/0", "missing required field: style"),
    ({"type": "table", "rows": [[cell("")]]}, "/blocks/0/rows/0/0/text", "must be more than 0 characters"),
    ({"type": "table", "rows": [[plain()]]}, "/blocks/0/rows/0/0", "unsupported type: plain_text"),
    (table(2) | {"rows": [[cell("x")], [rich(WORDS | {"text": ""})]]}, "/blocks/0/rows/1/0/elements/0/elements/0/text",
     "must be more than 0 characters"),
    (pie(7), "/blocks/0/chart/segments", "no more than 6 items allowed"),
    (pie(1, title="x" * 51), "/blocks/0/title", "must be less than 51 characters"),
    (bars(["ma"], ["ma", "di"]), "/blocks/0/chart/series/0/data", "labels must equal the categories of axis_config"),
    (bars(["x" * 21], ["x" * 21]), "/blocks/0/chart/axis_config/categories/0", "must be less than 21 characters"),
    (table(1), "/blocks/0/rows", "no fewer than 2 items allowed"),
    (table(102), "/blocks/0/rows", "no more than 101 items allowed"),
    (table(2, 21), "/blocks/0/rows/0", "must have between 1 and 20 cells"),
    (table(2, caption=""), "/blocks/0/caption", "must be more than 0 characters"),
    (table(2, page_size=101), "/blocks/0/page_size", "must be between 1 and 100"),
    (table(2) | {"rows": [[{"type": "rich_text", "elements": []}], [{"type": "raw_number", "value": 1}]]},
     "/blocks/0/rows/0/0", "unsupported type: rich_text"),
    (table(2) | {"rows": [[cell("x")], [{"type": "raw_number", "value": 1}]]}, "/blocks/0/rows/1/0",
     "missing required field: text"),
    (table(2) | {"rows": [[cell("x")], [{"type": "raw_number", "value": "1", "text": "1"}]]},
     "/blocks/0/rows/1/0/value", "must be a number"),
    (table(2) | {"rows": [[cell("x")], [cell("")]]}, "/blocks/0/rows/1/0/text", "must be more than 0 characters"),
    (table(2, row_header_column_index=2), "/blocks/0/row_header_column_index", "must be the index of a column"),
]  # fmt: skip


@pytest.mark.parametrize(("block", "pointer", "reason"), REFUSED, ids=lambda value: str(value)[:60])
def test_slack_refuses(block: dict[str, Any], pointer: str, reason: str) -> None:
    assert (pointer, reason) in blocks.problems([block], MESSAGE)


def test_a_message_holds_two_charts_and_twenty_thousand_characters_in_its_tables() -> None:
    assert blocks.problems([pie(1)] * 2, MESSAGE) == []
    assert ("/blocks", "no more than 2 data_visualization blocks allowed") in blocks.problems([pie(1)] * 3, MESSAGE)
    full = table(2) | {"rows": [[cell("x" * 2000)] * 2] * 2}
    too_full = table(2) | {"rows": [[cell("x" * 2001)] * 2] * 3}
    assert blocks.problems([full, full | {"rows": full["rows"]}], MESSAGE) == []
    reason = "no more than 20000 characters allowed in all cells of data_table blocks"
    assert ("/blocks", reason) in blocks.problems([full, too_full], MESSAGE)


def test_a_message_holds_fifty_blocks_and_a_view_a_hundred() -> None:
    divider = {"type": "divider"}
    assert blocks.problems([divider] * 50, MESSAGE) == []
    assert blocks.problems([divider] * 51, MESSAGE) == [("/blocks", "no more than 50 items allowed")]
    assert blocks.problems([divider] * 100, HOME) == []
    assert blocks.problems([divider] * 101, MODAL) == [("/blocks", "no more than 100 items allowed")]


def test_a_block_id_is_unique_in_a_message_and_an_action_id_in_its_block() -> None:
    same_action = [actions(button(), block_id="one"), actions(button(), block_id="two")]
    assert blocks.problems(same_action, MESSAGE) == []
    same_block = [section(text=plain(), block_id="one"), section(text=plain(), block_id="one")]
    assert blocks.problems(same_block, MESSAGE) == [
        ("/blocks/1/block_id", "`block_id` must be unique: one already exists")
    ]


def test_a_message_holds_two_charts() -> None:
    assert blocks.problems([pie(1)] * 2, MESSAGE) == []
    assert blocks.problems([pie(1)] * 3, MESSAGE) != []


def test_older_workspaces_refuse_charts_and_tables() -> None:
    assert [reason for _, reason in blocks.problems([pie(1), table(2)], MESSAGE, modern=False)] == [
        "unsupported type: data_visualization",
        "unsupported type: data_table",
    ]


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"title": plain("x" * 25)}, "/view/title/text"),
        ({"title": None}, "/view"),
        ({"submit": plain("x" * 25)}, "/view/submit/text"),
        ({"close": mrkdwn()}, "/view/close/type"),
        ({"submit": None}, "/view"),
        ({"private_metadata": "x" * 3001}, "/view/private_metadata"),
        ({"callback_id": "x" * 256}, "/view/callback_id"),
        ({"blocks": [{"type": "markdown", "text": "x"}]}, "/view/blocks/0/type"),
        ({"blocks": None}, "/view"),
        ({"type": "home"}, "/view/type"),
    ],
)
def test_a_modal_beyond_a_limit_is_refused(fields: dict[str, Any], pointer: str) -> None:
    good = {"type": "modal", "title": plain("x" * 24), "submit": plain(), "blocks": [asked()]}
    assert modals.problems(good, MODAL) == []
    assert pointer in [at for at, _ in modals.problems(good | fields, MODAL)]


def test_a_home_has_no_title_or_submit() -> None:
    assert modals.problems({"type": "home", "blocks": [asked()]}, HOME) == []
    assert modals.problems({"type": "home", "blocks": [], "submit": plain()}, HOME) != []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "text", "elements", "element", "options", "fields", "chart", "rows", "label"]),
            inner | st.sampled_from(["section", "actions", "input", "button", "static_select", "data_table", "mrkdwn"]),
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_no_payload_breaks_the_check(sent: Any) -> None:
    assert isinstance(blocks.problems(sent, MESSAGE), list)
    fields = sent if isinstance(sent, dict) else {}
    assert isinstance(blocks.problems([{**fields, "type": kind} for kind in blocks.BLOCKS], MESSAGE), list)

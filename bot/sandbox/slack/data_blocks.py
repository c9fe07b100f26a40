"""The limits of charts and data tables.

https://docs.slack.dev/reference/block-kit/blocks/data-visualization-block and
https://docs.slack.dev/reference/block-kit/blocks/data-table-block
"""

from __future__ import annotations

import math
from typing import Any

from bot.sandbox.slack.block_check import Check, Json
from bot.sandbox.slack.rich_text import check_rich_text

MAX_SERIES = 6
MAX_CATEGORIES = 20
MAX_LABEL = 20
MAX_CHARTS = 2
MAX_TABLE_CHARACTERS = 20_000
"""The most characters in the cells of all tables of a message."""


def check_chart(check: Check, block: Json, at: str) -> None:
    """Check a pie, bar, area or line chart with a title."""
    check.string(block, "title", at, most=50)
    if not check.has(block, "chart", at):
        return
    chart, place = block["chart"], f"{at}/chart"
    if not isinstance(chart, dict):
        check.wrong(place, "must be an object")
    elif chart.get("type") == "pie":
        for i, each in enumerate(check.items(chart, "segments", place, least=1, most=MAX_SERIES)):
            _check_point(check, each, f"{place}/segments/{i}", positive=True)
    elif chart.get("type") in ("bar", "area", "line"):
        _check_axes(check, chart, place)
    else:
        check.wrong(f"{place}/type", f"unsupported type: {chart.get('type')}")


def _check_axes(check: Check, chart: Json, at: str) -> None:
    series = check.items(chart, "series", at, least=1, most=MAX_SERIES)
    axes = chart.get("axis_config")
    if not isinstance(axes, dict):
        check.wrong(at, "missing required field: axis_config")
        return
    place = f"{at}/axis_config"
    categories = check.items(axes, "categories", place, least=1, most=MAX_CATEGORIES)
    for i, category in enumerate(categories):
        check.length(category, f"{place}/categories/{i}", most=MAX_LABEL)
    for name in ("x_label", "y_label"):
        check.optional(axes, name, place, most=50)
    names: set[str] = set()
    for i, each in enumerate(series):
        _check_series(check, each, f"{at}/series/{i}", categories)
        name = str(each.get("name")) if isinstance(each, dict) else ""
        if name in names:
            check.wrong(f"{at}/series/{i}/name", "must be unique")
        names.add(name)


def _check_series(check: Check, series: Any, at: str, categories: list[Any]) -> None:
    if not isinstance(series, dict):
        check.wrong(at, "must be an object")
        return
    check.string(series, "name", at, most=MAX_LABEL)
    points = check.items(series, "data", at, least=1, most=MAX_CATEGORIES)
    for i, point in enumerate(points):
        _check_point(check, point, f"{at}/data/{i}", positive=False)
    if [p.get("label") for p in points if isinstance(p, dict)] != categories:
        check.wrong(f"{at}/data", "labels must equal the categories of axis_config")


def _check_point(check: Check, point: Any, at: str, *, positive: bool) -> None:
    if not isinstance(point, dict):
        check.wrong(at, "must be an object")
        return
    check.string(point, "label", at, most=MAX_LABEL)
    value = point.get("value")
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        check.wrong(f"{at}/value", "must be a number")
    elif positive and value <= 0:
        check.wrong(f"{at}/value", "must be more than 0")


def check_table(check: Check, block: Json, at: str) -> None:
    """Check a table: a header row and 1-100 rows of 1-20 cells, all of the same width."""
    check.string(block, "caption", at, most=3000)
    size = block.get("page_size", 5)
    if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= 100:
        check.wrong(f"{at}/page_size", "must be between 1 and 100")
    rows = check.items(block, "rows", at, least=2, most=101)
    widths = {len(row) for row in rows if isinstance(row, list)}
    if len(widths) > 1:
        check.wrong(f"{at}/rows", "all rows must have the same number of cells")
    check_rows(check, rows, at, has_header=True)
    column = block.get("row_header_column_index", 0)
    if isinstance(column, bool) or not isinstance(column, int) or not 0 <= column < max(widths, default=1):
        check.wrong(f"{at}/row_header_column_index", "must be the index of a column")


def check_rows(check: Check, rows: list[Any], at: str, *, has_header: bool = False) -> None:
    """Check the cells of a table; those of a header hold no rich text."""
    for i, row in enumerate(rows):
        place = f"{at}/rows/{i}"
        if not isinstance(row, list) or not 1 <= len(row) <= 20:
            check.wrong(place, "must have between 1 and 20 cells")
            continue
        for j, cell in enumerate(row):
            _check_cell(check, cell, f"{place}/{j}", header=has_header and i == 0)


def check_together(check: Check, blocks: list[Any], at: str) -> None:
    """Check the limits on all charts and tables of a message or view together."""
    of_kind = {
        kind: [block for block in blocks if isinstance(block, dict) and block.get("type") == kind]
        for kind in ("data_visualization", "data_table")
    }
    if len(of_kind["data_visualization"]) > MAX_CHARTS:
        check.wrong(at, f"no more than {MAX_CHARTS} data_visualization blocks allowed")
    if sum(_characters(table) for table in of_kind["data_table"]) > MAX_TABLE_CHARACTERS:
        check.wrong(at, f"no more than {MAX_TABLE_CHARACTERS} characters allowed in all cells of data_table blocks")


def _characters(table: Json) -> int:
    """The characters in the cells of a table."""
    rows = table.get("rows")
    cells = [cell for row in rows if isinstance(row, list) for cell in row] if isinstance(rows, list) else []
    return sum(len(str(cell.get("text", ""))) for cell in cells if isinstance(cell, dict))


def _check_cell(check: Check, cell: Any, at: str, *, header: bool) -> None:
    kinds = ("raw_text", "raw_number") if header else ("raw_text", "raw_number", "rich_text")
    if not isinstance(cell, dict) or cell.get("type") not in kinds:
        kind = cell.get("type") if isinstance(cell, dict) else cell
        check.wrong(at, f"unsupported type: {kind}")
        return
    if cell["type"] == "rich_text":
        check_rich_text(check, cell, at)
    else:
        check.string(cell, "text", at, most=3000)
    if cell["type"] == "raw_number":
        value = cell.get("value")
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            check.wrong(f"{at}/value", "must be a number")

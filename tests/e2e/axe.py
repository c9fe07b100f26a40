"""What axe finds on the page: WCAG 2.2 AA and good practice."""

from typing import Any

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page

RULES: dict[str, Any] = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
    "preload": False,  # it would fetch style sheets a second time, some at addresses that do not exist
}
SIZES = {"desktop": (1440, 900), "phone": (390, 844)}


CUT_OFF = """selector => {
  const target = document.querySelector(selector);
  const box = target.getBoundingClientRect();
  let around = target.parentElement;
  while (around && getComputedStyle(around).overflowY === "visible") around = around.parentElement;
  const edge = (around ?? document.documentElement).getBoundingClientRect();
  return box.top < edge.top || box.bottom > edge.bottom;
}"""


async def violations(page: Page, state: str) -> list[str]:
    """What axe finds in this state of the page. What one has to scroll to see whole is not too small to hit."""
    found = await Axe().run(page, options=RULES)
    return [
        f"{state}: {each['id']} at {node['target']}"
        for each in found.response["violations"]
        for node in each["nodes"]
        if each["id"] != "target-size" or not await page.evaluate(CUT_OFF, node["target"][0])
    ]

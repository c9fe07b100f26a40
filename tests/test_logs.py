"""No citizen's word and no token reaches the log, whoever writes the line and whatever went wrong; our own lines do."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
WORDS, TOKEN = "Mijn BSN is 123456782", "xoxb-1-geheim"
START = f"""
import asyncio, gc, logging, sys, threading, warnings
import structlog
from bot.logs import set_up_logging, trace
WORDS, TOKEN = {WORDS!r}, {TOKEN!r}
set_up_logging(sys.argv[1], sys.argv[2])
ours = structlog.get_logger()

def fails():
    said = WORDS
    raise ValueError(f"{{said}} {{TOKEN}}")
"""

Run = Callable[..., str]


@pytest.fixture
def run() -> Run:
    """Run lines of code in a process that logs as the bot does, and return all that it wrote."""

    def run(code: str, level: str = "DEBUG", form: str = "text", code_at_end: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-c", START + code, level, form], cwd=ROOT, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == code_at_end, done.stderr
        assert done.stdout == "", "a log goes to standard error"
        return done.stderr

    return run


CATCHES = """
try:
    fails()
except ValueError as error:
"""
LEAKS = {
    "a library's exception": CATCHES + "    logging.getLogger('sqlalchemy.pool').exception('for %s', WORDS)",
    "a library's line": "logging.getLogger('feedparser').warning(f'{WORDS}'); logging.error('%s', TOKEN)",
    "a library's stack": "logging.getLogger('aiohttp.server').error(WORDS, stack_info=True)",
    "a line that cannot be made": "logging.getLogger('aiohttp.server').error('%d %d', WORDS)",
    "Bolt's error": CATCHES + "    logging.getLogger('slack_bolt.AsyncApp').error(f'body {WORDS}', exc_info=error)",
    "Slack's client": "logging.getLogger('slack_sdk.web.async_client').error(f'failed with {TOKEN}')",
    "a task nobody asked after": """
async def never_asked():
    task = asyncio.create_task(asyncio.to_thread(fails))
    await asyncio.wait([task])
asyncio.run(never_asked())
gc.collect()
""",
    "a thread": "thread = threading.Thread(target=fails); thread.start(); thread.join()",
    "a destructor": """
class Held:
    def __del__(self):
        fails()
del_me = Held()
del del_me
gc.collect()
""",
    "a warning": "warnings.warn(WORDS + TOKEN)",
    "our own fault": CATCHES + "    ours.error('a handler failed', **trace(error))",
}


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("code", LEAKS.values(), ids=LEAKS.keys())
def test_what_went_wrong_is_logged_without_what_it_was_about(run: Run, code: str, form: str) -> None:
    logged = run(code, form=form)
    assert logged.strip(), "silence would hide a fault"
    assert form == "text" or all(json.loads(line)["event"] for line in logged.splitlines())
    assert "BSN" not in logged
    assert "geheim" not in logged


def test_the_end_of_the_program_is_logged_without_what_it_was_about(run: Run) -> None:
    logged = run("fails()", code_at_end=1)
    assert "ValueError" in logged
    assert "BSN" not in logged
    assert "geheim" not in logged


@pytest.mark.parametrize("name", ["slack_bolt.AsyncApp", "slack_sdk.socket_mode", "httpx", "aiosqlite", "feedparser"])
def test_libraries_say_nothing_below_a_warning_even_when_we_debug(run: Run, name: str) -> None:
    assert run(f"logging.getLogger({name!r}).info(WORDS); logging.getLogger({name!r}).debug(WORDS)") == ""


def test_a_librarys_fault_shows_its_kind_and_its_place(run: Run) -> None:
    logged = run(CATCHES + "    logging.getLogger('sqlalchemy.pool').exception(WORDS)")
    assert logged.startswith("sqlalchemy.pool: error at ")
    assert "(ValueError)" in logged


def test_that_a_library_was_cancelled_is_no_fault(run: Run) -> None:
    said = run("""
async def is_cancelled():
    try:
        raise asyncio.CancelledError
    except asyncio.CancelledError:
        logging.getLogger("apscheduler.executors.default").exception("Job raised an exception")
asyncio.run(is_cancelled())
""")
    assert said == ""


def test_our_lines_hold_what_we_put_in_them(run: Run) -> None:
    logged = run("ours.info('webcare runs', address='http://127.0.0.1:3000')")
    assert "webcare runs" in logged
    assert "http://127.0.0.1:3000" in logged


def test_our_lines_are_json_when_asked(run: Run) -> None:
    line = json.loads(run("ours.warning('polling failed', account=4)", form="json"))
    assert {"event": "polling failed", "account": 4, "level": "warning"}.items() <= line.items()
    assert line["timestamp"].endswith("Z")


def test_a_librarys_line_is_json_too_when_asked_and_has_the_request_in_which_it_came(run: Run) -> None:
    code = "with following('abc'):\n    logging.getLogger('aiohttp.server').error(WORDS, exc_info=ValueError(WORDS))"
    logged = run("from bot.logs import following\n" + code, form="json")
    line = json.loads(logged)
    assert line["event"].startswith("aiohttp.server: error at ")
    assert {"level": "error", "request": "abc"}.items() <= line.items()
    assert line["timestamp"].endswith("Z")
    assert "BSN" not in logged


def test_the_level_is_as_asked(run: Run) -> None:
    assert run("ours.info('quiet'); ours.debug('quieter')", level="WARNING") == ""


def test_a_fault_of_ours_has_a_reference_its_type_and_the_way_to_it(run: Run) -> None:
    line = json.loads(run(CATCHES + "    ours.error('a handler failed', **trace(error))", form="json"))
    assert line["error"] == "ValueError"
    assert line["at"].startswith("<string>:")
    assert "fails" in line["at"]
    assert len(line["reference"]) == 6

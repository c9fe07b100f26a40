"""Break the core in small ways, one at a time, and see whether its tests notice.

    uv run python -m tests.mutation [bot/domain/case.py ...] [--sample 40] [--seconds 120]

A mutant is a module with one operator, constant or returned value changed. Each runs in a fork of this process, which
has loaded the libraries but none of our code. Tests run on SQLite, and stop at the first that fails. Printed are the
mutants that survive, and the score. Run by hand: the whole core takes hours.
"""

import argparse
import ast
import importlib
import os
import random
import resource
import signal
import sys
from collections.abc import Iterator, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import pytest

LIBRARIES = "aiohttp alembic.command babel httpx holidays slack_bolt.async_app sqlmodel psycopg"
OUTGOING = "tests/outgoing/test_outbox.py tests/outgoing/test_retry.py tests/outgoing/test_acts.py"
SLACK = "tests/slack/test_messages.py tests/slack/test_slow_slack.py tests/slack/test_pace.py"
ALONE = (path for path in Path("tests/connectors").rglob("test_*.py") if path.stem != "test_story")
CONNECTORS = " ".join(sorted(str(path) for path in ALONE))
"""The tests of connectors without the bot around them."""
TESTS = {
    "bot/domain/absence.py": "tests/staffing",
    "bot/domain/address.py": "tests/domain/test_address.py",
    "bot/domain/alike.py": "tests/domain/test_alike.py",
    "bot/domain/budget.py": "tests/domain/test_budget.py tests/jobs/test_account_troubles.py",
    "bot/domain/case.py": "tests/domain tests/test_registries.py tests/cases tests/views/test_views.py tests/handlers",
    "bot/domain/coming.py": "tests/cli/test_doctor_coming.py tests/cli/test_doctor.py",
    "bot/domain/dates.py": "tests/connectors/feed",
    "bot/domain/event.py": "tests/domain tests/views/test_views.py tests/cases",
    "bot/domain/figures.py": "tests/figures tests/handlers/test_home.py",
    "bot/domain/holidays.py": "tests/domain/test_holidays.py tests/team/test_settings.py",
    "bot/domain/hours.py": "tests/domain",
    "bot/domain/house_rules.py": "tests/domain/test_house_rules.py",
    "bot/domain/image.py": "tests/outgoing/test_cleaning.py",
    "bot/domain/mention.py": f"tests/domain {CONNECTORS} tests/cases",
    "bot/domain/payload.py": "tests/connectors/webhook",
    "bot/domain/period.py": "tests/figures",
    "bot/domain/queue.py": "tests/figures/test_queue.py tests/figures/test_lists.py",
    "bot/domain/reminder.py": "tests/domain/test_reminder.py tests/figures/test_lists.py",
    "bot/domain/reply.py": "tests/domain tests/outgoing tests/connectors/whatsapp/test_story.py",
    "bot/domain/routing.py": "tests/domain/test_routing.py tests/team/test_routing.py",
    "bot/domain/signals.py": "tests/domain/test_signals.py tests/slack/test_order.py",
    "bot/domain/sla.py": "tests/domain/test_sla.py tests/jobs/test_changed_hours.py tests/jobs/test_sla.py",
    "bot/domain/slack_id.py": "tests/cases tests/slack tests/handlers",
    "bot/domain/spike.py": "tests/domain/test_spike.py",
    "bot/domain/storable.py": "tests/domain/test_storable.py",
    "bot/domain/telling.py": "tests/domain/test_telling.py",
    "bot/domain/text.py": "tests/domain tests/test_locales.py tests/team",
    "bot/domain/usual.py": "tests/domain/test_usual.py",
    "bot/domain/words.py": "tests/domain/test_words.py",
    "bot/cases/clocks.py": "tests/cases/test_waits.py tests/cases/test_transfers.py tests/jobs/test_sla.py "
    "tests/jobs/test_advice.py tests/outgoing/test_outbox.py",
    "bot/cases/closing.py": "tests/cases/test_moves.py tests/handlers/test_closing_at_once.py "
    "tests/handlers/test_closing_many.py",
    "bot/cases/inbox.py": "tests/cases/test_inbox.py tests/cases/test_order.py tests/cases/test_threads.py",
    "bot/cases/mirror.py": "tests/cases/test_platform_posts.py tests/cases/test_redaction.py",
    "bot/cases/moves.py": "tests/cases/test_moves.py tests/cases/test_crossings.py tests/handlers/test_undo.py "
    "tests/handlers/test_taken.py tests/handlers/test_take_over.py tests/handlers/test_handing_over.py",
    "bot/cases/state.py": "tests/cases tests/outgoing tests/handlers tests/jobs/test_sla.py",
    "bot/outgoing/composing.py": "tests/outgoing/test_composing.py tests/outgoing tests/handlers/test_answer_modal.py "
    "tests/connectors/whatsapp/test_story.py",
    "bot/outgoing/hiding.py": "tests/outgoing/test_hiding.py",
    "bot/outgoing/outbox.py": OUTGOING,
    "bot/outgoing/outcomes.py": f"tests/outgoing/test_outcomes.py {OUTGOING} tests/outgoing/test_hiding.py "
    "tests/jobs/test_account_troubles.py tests/connectors/meta/test_story.py",
    "bot/outgoing/queue.py": f"tests/outgoing/test_queue.py {OUTGOING}",
    "bot/outgoing/replies.py": "tests/outgoing/test_composing.py tests/handlers/test_undo.py "
    "tests/outgoing/test_going_private.py",
    "bot/outgoing/retry.py": f"tests/outgoing/test_retry.py {OUTGOING}",
    "bot/slack/messages.py": f"{SLACK} tests/slack/test_order.py tests/slack/test_troubles.py",
    "bot/slack/writing.py": SLACK,
}
"""The core, each module with the tests that should notice what is wrong in it, the quickest first."""
LEFT_OUT = {"bot/domain/label.py": "it only puts names together"}
"""The modules of the domain that are not broken, and why."""

SWAPPED: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.And: ast.Or, ast.Or: ast.And,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult, ast.BitAnd: ast.BitOr,
}  # fmt: skip


def mutants(source: str) -> Iterator[tuple[str, ast.Module]]:
    """Every mutant of a module, with what was changed where."""
    for number in range(sum(1 for _ in places(ast.parse(source)))):
        tree = ast.parse(source)
        node, field, index, new = list(places(tree))[number]
        old = getattr(node, field)
        before = ast.unparse(node)
        if index is None:
            setattr(node, field, new)
        else:
            old[index] = new
        ast.fix_missing_locations(tree)
        yield f"{getattr(node, 'lineno', 0)}: {before[:70]!r} -> {ast.unparse(node)[:70]!r}", tree


def places(tree: ast.AST) -> Iterator[tuple[ast.AST, str, int | None, ast.AST]]:
    """Each place that can be changed: a node's field, the index where it is a list, and what comes there."""
    for node in ast.walk(tree):
        match node:
            case ast.Compare():
                for index, op in enumerate(node.ops):
                    yield node, "ops", index, SWAPPED[type(op)]()
            case ast.BoolOp() | ast.BinOp() if type(node.op) in SWAPPED:
                yield node, "op", None, SWAPPED[type(node.op)]()
            case ast.If() | ast.IfExp() | ast.While():
                yield node, "test", None, ast.UnaryOp(ast.Not(), node.test)
            case ast.Return(value=ast.expr() as value) if not is_none(value):
                yield node, "value", None, ast.Constant(None)
            case ast.keyword(value=ast.Constant(value=bool() | int() as value)):
                yield node, "value", None, changed(value)
            case ast.Assign(value=ast.Constant(value=bool() | int() as value)):
                yield node, "value", None, changed(value)


def is_none(value: ast.expr) -> bool:
    """Tell whether an expression is None already."""
    return isinstance(value, ast.Constant) and value.value is None


def changed(value: bool | int) -> ast.Constant:
    """Another constant of the same type."""
    return ast.Constant(not value if isinstance(value, bool) else value + 1)


class Mutated(MetaPathFinder, Loader):
    """Stands in for one module."""

    def __init__(self, name: str, path: str, tree: ast.Module) -> None:
        self.name, self.path, self.tree = name, path, tree

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        return ModuleSpec(name, self, origin=self.path) if name == self.name else None

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self.tree, self.path, "exec"), module.__dict__)


def passes(path: str, tree: ast.Module, seconds: int) -> bool:
    """Run the tests of a module, as it is in this tree, in a fork; false as soon as one fails or they take too long.

    `seconds` are the processor's, so that a busy machine catches no mutant.
    """
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        signal.alarm(seconds * 10)  # one that hangs takes no time of the processor
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        sys.meta_path.insert(0, Mutated(path.removesuffix(".py").replace("/", "."), path, tree))
        only = (
            "-k",
            "not postgres",
            "--hypothesis-seed=0",
            "-p",
            "no:cacheprovider",
            "-W",
            "ignore::pytest.PytestAssertRewriteWarning",
        )
        os._exit(int(pytest.main(["-x", "-q", *only, *TESTS[path].split()])))
    _, status = os.waitpid(child, 0)
    return status == 0


def main() -> None:
    """Try the mutants of these modules, and print the survivors and the score."""
    read = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    read.add_argument("modules", nargs="*", default=list(TESTS))
    read.add_argument("--sample", type=int, help="try this many mutants of each module, chosen at random")
    read.add_argument("--seconds", type=int, default=180, help="a mutant whose tests compute longer is caught")
    asked = read.parse_args()
    for library in LIBRARIES.split():
        importlib.import_module(library)
    for path in asked.modules:
        source = Path(path).read_text(encoding="utf-8")
        if not passes(path, ast.parse(source), asked.seconds):
            sys.exit(f"{path}: its tests fail as it is, or need more than {asked.seconds} s")
        tried = list(mutants(source))
        if asked.sample and asked.sample < len(tried):
            tried = random.Random(0).sample(tried, asked.sample)
        survivors = 0
        for what, tree in tried:
            if passes(path, tree, asked.seconds):
                survivors += 1
                sys.stdout.write(f"  survives: {path}:{what}\n")
                sys.stdout.flush()
        sys.stdout.write(f"{path}: {len(tried) - survivors} of {len(tried)} caught\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()

"""Who may import whom, and what our code keeps out of its modules.

A rule is a function from the modules to its violations; its name is the sentence it holds and its docstring the reason.
It reads source with ``ast``, so nothing that it judges runs, and each rule is also shown a tree that breaks it.
"""

import ast
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from graphlib import CycleError, TopologicalSorter
from importlib.util import resolve_name
from itertools import pairwise
from pathlib import Path

import pytest

from bot.domain.case import FILLED_IN

ROOT = Path(__file__).parent.parent
PACKAGES = ("bot", "handlers", "jobs")


@dataclass(frozen=True)
class Import:
    """One imported name: ``from bot.domain import case`` has target ``bot.domain.case``."""

    target: str
    line: int
    bound: str
    """The name the importing module knows it by."""
    for_types_only: bool


@dataclass(frozen=True)
class Module:
    """One parsed source file and what it imports anywhere in it."""

    name: str
    path: str
    tree: ast.Module = field(repr=False)
    imports: tuple[Import, ...] = field(repr=False)

    def at(self, line: int, what: str) -> str:
        """One violation, as an editor can jump to it."""
        return f"{self.path}:{line}: {what}"


Rule = Callable[[list[Module]], Iterator[str]]


def under(name: str, *packages: str) -> bool:
    """Is this dotted name one of these modules, or in one of them?"""
    return any(name == package or name.startswith(package + ".") for package in packages)


def is_standard(target: str) -> bool:
    """Does this come with Python?"""
    return target.split(".")[0] in sys.stdlib_module_names


def read_modules(root: Path, packages: tuple[str, ...] = PACKAGES) -> list[Module]:
    """Every module of these packages below root, in a steady order."""
    paths = [path for package in packages for path in sorted((root / package).rglob("*.py"))]
    return [read_module(root, path) for path in paths]


@cache
def our_modules() -> list[Module]:
    """Our code, read once for all rules."""
    return read_modules(ROOT)


def read_module(root: Path, path: Path) -> Module:
    """Parse one file and list its imports."""
    parts = path.relative_to(root).with_suffix("").parts
    is_package = parts[-1] == "__init__"
    name = ".".join(parts[:-1] if is_package else parts)
    tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    package = name if is_package else name.rpartition(".")[0]
    return Module(name, str(path.relative_to(root)), tree, tuple(imports_in(tree, package)))


def imports_in(tree: ast.Module, package: str) -> Iterator[Import]:
    """Every imported name, in functions and conditions too; relative ones made absolute."""
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}
        for statement in node.body
        for inner in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, node.lineno, alias.asname or alias.name, id(node) in typing_only)
        elif isinstance(node, ast.ImportFrom):
            source = resolve_name("." * node.level + (node.module or ""), package)
            for alias in node.names:
                target = f"{source}.{alias.name}"
                yield Import(target, node.lineno, alias.asname or alias.name, id(node) in typing_only)


def imports_where(modules: list[Module], broken: Callable[[str, str], bool]) -> Iterator[str]:
    """The imports that break a rule, which is asked with the importing module's name and the imported one."""
    for module in modules:
        for each in module.imports:
            if broken(module.name, each.target):
                yield module.at(each.line, f"{module.name} imports {each.target}")


# --- Who may import whom -------------------------------------------------------------------------


def handlers_and_jobs_never_import_each_other(modules: list[Module]) -> Iterator[str]:
    """What a click and the clock share belongs in bot."""
    yield from imports_where(modules, lambda who, what: under(who, "handlers") and under(what, "jobs"))
    yield from imports_where(modules, lambda who, what: under(who, "jobs") and under(what, "handlers"))


def only_the_app_imports_handlers(modules: list[Module]) -> Iterator[str]:
    """Handlers are a door, wired up in one place: bot/app.py."""
    others = [module for module in modules if module.name != "bot.app"]
    yield from imports_where(others, lambda who, what: under(what, "handlers") and not under(who, "handlers"))


def only_the_composition_root_imports_jobs(modules: list[Module]) -> Iterator[str]:
    """Jobs are a door, wired up in one place: bot/run.py."""
    others = [module for module in modules if module.name != "bot.run"]
    yield from imports_where(others, lambda who, what: under(what, "jobs") and not under(who, "jobs"))


def the_domain_imports_the_standard_library_only(modules: list[Module]) -> Iterator[str]:
    """The rules must be readable and testable without a framework; what compares texts counts in pure functions."""
    compares = ("rapidfuzz", "snowballstemmer")
    domain = [module for module in modules if under(module.name, "bot.domain")]
    yield from imports_where(
        domain,
        lambda who, what: (
            not is_standard(what)
            and not under(what, "bot.domain")
            and not (who == "bot.domain.alike" and under(what, *compares))
        ),
    )


def views_import_the_domain_and_the_models_only(modules: list[Module]) -> Iterator[str]:
    """A view turns state into blocks and needs nothing else; regex is there to cut by grapheme."""
    known = ("bot.domain", "bot.models", "bot.texts", "bot.views", "regex")
    views = [module for module in modules if under(module.name, "bot.views")]
    yield from imports_where(views, lambda _, what: not is_standard(what) and not under(what, *known))


CONNECTORS_SHARE = ("base", "platform", "html", "http", "json_api", "guard", "meta", "own_secrets", "parts", "trial")


def connectors_know_neither_tables_nor_slack_nor_each_other(modules: list[Module]) -> Iterator[str]:
    """A connector speaks one platform's language; only a clone knows another, by subclassing its original.

    What begins with a connector's name and _ belongs to it (`feed_reader` to `feed`), and what is in its folder.
    """
    known = {"bot.domain", "bot.steady_clock"} | {f"bot.connectors.{shared}" for shared in CONNECTORS_SHARE}
    known |= {"httpcore", "httpx", "feedparser", "nh3", "standardwebhooks", "regex", "structlog"}
    known |= {"aiosmtplib", "imap_tools"}
    for module in modules:
        if under(module.name, "bot.connectors"):
            folder = ".".join(module.name.split(".")[:3])
            siblings = {"bot.connectors"} if module.name == "bot.connectors" else {folder, *originals_of(module)}
            for each in module.imports:
                is_own = each.target.startswith(f"{module.name}_")
                if not is_own and not is_standard(each.target) and not under(each.target, *known, *siblings):
                    yield module.at(each.line, f"{module.name} imports {each.target}")


def originals_of(module: Module) -> set[str]:
    """The connectors whose classes this module subclasses."""
    bases = {
        ast.unparse(base).split(".")[0].split("[")[0]
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ClassDef)
        for base in node.bases
    }
    return {
        ".".join(each.target.split(".")[:3])
        for each in module.imports
        if each.bound in bases and under(each.target, "bot.connectors")
    }


def nothing_outside_the_connectors_names_a_platform(modules: list[Module]) -> Iterator[str]:
    """A platform that must be named elsewhere is forgotten there; only the trial shows certain ones by name.

    The local Slack speaks Slack's language, which has words of its own that are names of platforms: `email`.
    """
    names = {name for module in modules if under(module.name, "bot.connectors") for name in platforms_of(module)}
    own = {module.name for module in modules if list(platforms_of(module))}
    for module in modules:
        if under(module.name, "bot.connectors", "bot.trial", "bot.migrations", "bot.sandbox.slack"):
            continue
        for each in module.imports:
            if under(each.target, *own):
                yield module.at(each.line, f"{module.name} imports {each.target}")
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Constant) and node.value in names:
                yield module.at(node.lineno, f"{module.name} names the platform {node.value}")


def platforms_of(module: Module) -> Iterator[str]:
    """The names of the platforms that a module declares: ``PLATFORM = Platform(name="mastodon", …)``."""
    for node in module.tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "PLATFORM":
            keywords = node.value.keywords if isinstance(node.value, ast.Call) else []
            yield from (str(ast.literal_eval(each.value)) for each in keywords if each.arg == "name")


def bolt_is_known_only_where_listeners_are_wired(modules: list[Module]) -> Iterator[str]:
    """A listener gets plain values, so it can be read without knowing the framework."""
    wiring = ("bot.app", "handlers", "bot.run")
    yield from imports_where(modules, lambda who, what: under(what, "slack_bolt") and who not in wiring)


def one_module_knows_the_queue(modules: list[Module]) -> Iterator[str]:
    """What shares the work between processes can be replaced in one place; a migration makes its tables."""
    knows = ("bot.shared_lanes", "bot.migrations")
    yield from imports_where(modules, lambda who, what: under(what, "procrastinate") and not under(who, *knows))


def no_handler_holds_sql(modules: list[Module]) -> Iterator[str]:
    """A handler asks the package that keeps the state; it may name the type of the session that it passes on."""
    handlers = [module for module in modules if under(module.name, "handlers")]
    named = "sqlmodel.ext.asyncio.session.AsyncSession"
    yield from imports_where(handlers, lambda _, what: under(what, "sqlmodel", "sqlalchemy") and what != named)


def only_connectors_import_httpx(modules: list[Module]) -> Iterator[str]:
    """Every call to a platform goes through the one client with its limits and verdicts."""
    yield from imports_where(modules, lambda who, what: under(what, "httpx") and not under(who, "bot.connectors"))


def only_the_settings_read_the_environment(modules: list[Module]) -> Iterator[str]:
    """A setting that is read elsewhere is neither checked at the start nor documented; a platform names its tokens."""
    readers = ("os.environ", "os.environb", "os.getenv", "os.getenvb", "pydantic_settings")
    others = [module for module in modules if module.name not in {"bot.config", "bot.cli.options"}]
    yield from imports_where(others, lambda _, what: under(what, *readers))
    for module in others:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Attribute) and ast.unparse(node) in readers:
                yield module.at(node.lineno, f"{module.name} reads {ast.unparse(node)}")


def migrations_import_nothing_of_ours(modules: list[Module]) -> Iterator[str]:
    """A migration must still run when the models have moved on; only env.py, which runs them, knows more."""
    ours = [module for module in modules if under(module.name, "bot.migrations")]
    for_env = ("bot.config", "bot.db", "bot.models")
    yield from imports_where(
        ours,
        lambda who, what: under(what, *PACKAGES) and not (who == "bot.migrations.env" and under(what, *for_env)),
    )


def the_sandbox_knows_nothing_of_the_bot(modules: list[Module]) -> Iterator[str]:
    """It stands in for Slack and the platforms, so it may know the bot only over HTTP."""
    sandbox = [module for module in modules if under(module.name, "bot.sandbox")]
    yield from imports_where(sandbox, lambda _, what: under(what, *PACKAGES) and not under(what, "bot.sandbox"))


def the_local_slack_knows_nothing_of_the_square(modules: list[Module]) -> Iterator[str]:
    """It emulates Slack alone; who is in the workspace, and what stands beside it, comes in from outside."""
    slack = [module for module in modules if under(module.name, "bot.sandbox.slack")]
    yield from imports_where(slack, lambda _, what: under(what, *PACKAGES) and not under(what, "bot.sandbox.slack"))


def the_square_knows_only_the_workspace_of_the_local_slack(modules: list[Module]) -> Iterator[str]:
    """Citizens never touch Slack: the square shares its clock, changes and faults, and our example fills it."""
    parts = ("faults", "installed_app", "rules", "workspace")
    known = ["bot.sandbox.square", *(f"bot.sandbox.slack.{part}" for part in parts)]
    square = [module for module in modules if under(module.name, "bot.sandbox.square")]
    yield from imports_where(square, lambda _, what: under(what, *PACKAGES) and not under(what, *known))


def no_modules_import_each_other_in_a_circle(modules: list[Module]) -> Iterator[str]:
    """A cycle means that two modules are one, or that a third is hiding in them."""
    known = {module.name: module for module in modules}
    graph = {module.name: needs_of(module, known) for module in modules}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as cycle:
        for needed, importer in pairwise(cycle.args[1]):
            line = next(each.line for each in known[importer].imports if under(each.target, needed))
            yield known[importer].at(line, f"{importer} imports {needed}, which needs {importer}")


def needs_of(module: Module, known: dict[str, Module]) -> set[str]:
    """Which of our modules must be loaded before this one; imports for type checkers alone load nothing."""
    needs = set()
    for each in module.imports:
        name = name_of(each, known)
        if name and not each.for_types_only:
            needs.add(name)
    return needs


def name_of(imported: Import, known: dict[str, Module]) -> str:
    """The module of ours that an import loads; empty for one that is not ours."""
    name = imported.target
    while name and name not in known:
        name = name.rpartition(".")[0]
    return name


FLOORS = (
    (
        "bot.config",
        "bot.disk",
        "bot.domain",
        "bot.logs",
        "bot.meters",
        "bot.sandbox",
        "bot.sqlite_driver",
        "bot.steady_clock",
        "bot.web_server",
    ),
    ("bot.connectors", "bot.db", "bot.models", "bot.texts", "bot.wake"),
    ("bot.desk", "bot.many", "bot.migrations", "bot.own_lanes", "bot.shared_lanes", "bot.views"),
    ("bot.team",),
    ("bot.cases",),
    ("bot.staffing",),
    ("bot.slack",),
    ("bot.accounts", "bot.figures", "bot.outgoing"),
    ("bot.by_clock", "bot.watch", "handlers"),
    ("jobs",),
    ("bot.app",),
    ("bot.run",),
    ("bot.keeping", "bot.trial"),
    ("bot.cli",),
    ("bot.__main__",),
)
"""Our packages, the lowest floor first; each may import those on floors below its own."""


def package_of(name: str) -> str:
    """The package that a module is in, or the module itself when it stands in bot/ by itself."""
    return ".".join(name.split(".")[:2]) if under(name, "bot") else name.split(".")[0]


def packages_import_only_from_floors_below(modules: list[Module]) -> Iterator[str]:
    """With one direction there is no circle of packages, and a change is felt only above it."""
    floor = {package: n for n, packages in enumerate(FLOORS) for package in packages}
    known = {module.name: module for module in modules}
    for module in modules:
        package = package_of(module.name)
        if package not in floor and module.name != "bot":
            yield module.at(1, f"{package} stands on no floor: give it a place in FLOORS")
            continue
        for each in module.imports:
            target = package_of(name_of(each, known) or module.name)
            if target not in {package, "bot"} and not each.for_types_only and floor.get(target, -1) >= floor[package]:
                yield module.at(each.line, f"{package} imports {target}, which is not below it")


def arrows_between_packages(modules: list[Module]) -> dict[str, set[str]]:
    """Each package with the packages it imports."""
    known = {module.name: module for module in modules}
    arrows: dict[str, set[str]] = {package_of(module.name): set() for module in modules if module.name != "bot"}
    for module in modules:
        for each in module.imports:
            name = name_of(each, known)
            if name and name != "bot" and package_of(name) != package_of(module.name):
                arrows[package_of(module.name)].add(package_of(name))
    return arrows


def table_of_packages(modules: list[Module]) -> str:
    """The packages by floor, each with what it imports, and how many floors and arrows there are."""
    arrows = arrows_between_packages(modules)
    floor: dict[str, int] = {}
    for package in TopologicalSorter(arrows).static_order():
        floor[package] = 1 + max((floor[each] for each in arrows[package]), default=0)
    lines = [f"{floor[p]:2}  {p:16} {' '.join(sorted(arrows[p]))}" for p in sorted(arrows, key=lambda p: (floor[p], p))]
    counts = f"{len(arrows)} packages, {max(floor.values())} floors, {sum(map(len, arrows.values()))} arrows"
    return "\n".join([*lines, counts])


def no_test_module_imports_another(modules: list[Module]) -> Iterator[str]:
    """What several tests need stands in a module of its own, such as tests/people.py, where it is looked for."""
    yield from imports_where(modules, lambda _, what: under(what, "tests") and ".test_" in what)


# --- What stays out of our modules ---------------------------------------------------------------


def the_domain_and_the_views_neither_wait_nor_read_a_clock(modules: list[Module]) -> Iterator[str]:
    """They are pure: the same state and the same `now` always give the same answer."""
    outside = ("asyncio", "http.client", "os", "socket", "sqlite3", "subprocess", "time", "urllib.request")
    waiting = (ast.AsyncFunctionDef, ast.AsyncFor, ast.AsyncWith, ast.Await)
    pure = [module for module in modules if under(module.name, "bot.domain", "bot.views")]
    yield from imports_where(pure, lambda _, what: under(what, *outside))
    for module in pure:
        for node in ast.walk(module.tree):
            if isinstance(node, waiting):
                yield module.at(node.lineno, f"{module.name} waits")
            elif isinstance(node, ast.Call) and reads_clock_or_file(node.func):
                yield module.at(node.lineno, f"{module.name} calls {ast.unparse(node.func)}")


def reads_clock_or_file(called: ast.expr) -> bool:
    """Is this ``datetime.now``, ``date.today``, ``open`` or the like?"""
    if isinstance(called, ast.Attribute):
        return called.attr in {"now", "utcnow", "today"}
    return isinstance(called, ast.Name) and called.id == "open"


def only_the_steady_clock_reads_the_clock_of_the_machine(modules: list[Module]) -> Iterator[str]:
    """That can be set, and then all that is compared with another's time is an hour off. A command tells it as it is;
    the scheduler of the jobs runs by it; a migration and what is put aside are named by it; the sandbox and what reads
    a feed stand apart.
    """
    may = ("bot.cli", "bot.connectors.feed_reader", "bot.keeping", "bot.migrations", "bot.sandbox", "bot.steady_clock")
    reads = {"datetime.now", "datetime.utcnow", "time.time"}
    for module in modules:
        if module.name == "jobs" or under(module.name, *may):
            continue
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in reads:
                yield module.at(node.lineno, f"{module.name} calls {ast.unparse(node.func)}")


def imports_stand_at_the_top_of_a_module(modules: list[Module]) -> Iterator[str]:
    """An import inside a function hides a cycle, and fails only when a citizen is waiting."""
    for module in modules:
        functions = (n for n in ast.walk(module.tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))
        inside = {
            node.lineno
            for function in functions
            for node in ast.walk(function)
            if isinstance(node, ast.Import | ast.ImportFrom)
        }
        yield from (module.at(line, "an import inside a function") for line in sorted(inside))


def a_module_is_loaded_by_name_only_to_save_memory_or_an_installation(modules: list[Module]) -> Iterator[str]:
    """It hides who imports whom. Alembic is loaded while tables change, the queue with PostgreSQL, Sentry if set, the
    local workspace for `webcare try`.
    """
    saved = {
        "bot.cli.app": "bot.trial.trying",
        "bot.db": "bot.migrations.upgrade",
        "bot.run": "bot.shared_lanes",
        "bot.watch.sentry": "sentry_sdk",
    }
    for module in modules:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
                loaded = [each.value for each in node.args if isinstance(each, ast.Constant)]
                if loaded != [saved.get(module.name)]:
                    yield module.at(node.lineno, "a module loaded by its name")


def no_module_keeps_mutable_state(modules: list[Module]) -> Iterator[str]:
    """What changes lives in the database or is passed down; a collection in capitals is a constant."""
    for module in modules:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Global):
                yield module.at(node.lineno, f"global {', '.join(node.names)}")
        for statement in statements_at_load(module.tree.body):
            if isinstance(statement, ast.Assign | ast.AnnAssign) and is_mutable(statement.value):
                targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
                names = [ast.unparse(target) for target in targets]
                if not all(name.isupper() or name == "__all__" for name in names):
                    yield module.at(statement.lineno, f"{', '.join(names)} can be changed by anyone")


def statements_at_load(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a module that run as it loads, also those in conditions and tries."""
    for statement in body:
        yield statement
        if isinstance(statement, ast.If | ast.Try | ast.With | ast.For):
            for name in ("body", "orelse", "finalbody"):
                yield from statements_at_load(getattr(statement, name, []))


def is_mutable(value: ast.expr | None) -> bool:
    """Is this a list, dict or set, written out or called for?"""
    if isinstance(value, ast.Call):
        called = ast.unparse(value.func).rpartition(".")[2]
        return called in {"list", "dict", "set", "bytearray", "defaultdict", "deque", "Counter", "OrderedDict"}
    return isinstance(value, ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp)


OF_THE_STATE = {"status", *FILLED_IN}
"""The columns of a case that its moves fill and empty."""


def only_the_state_machine_changes_the_status_of_a_case(modules: list[Module]) -> Iterator[str]:
    """A status set elsewhere has no lock, no event, no clocks and no new card; that of a reply is its own."""
    ours = [m for m in modules if m.name != "bot.cases.state" and not under(m.name, "bot.sandbox", "bot.migrations")]
    for module in ours:
        for node in ast.walk(module.tree):
            for name in sorted(changes_of_state(node)):
                yield module.at(getattr(node, "lineno", 1), f"{module.name} sets {name}")


OUTGOING = ("reply", "act", "item")
"""How variables are named that hold a reply or an act."""


def changes_of_state(node: ast.AST) -> set[str]:
    """What an assignment, a `setattr` or an UPDATE of Case sets of a case."""
    if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        stored = (inner for target in targets for inner in ast.walk(target) if isinstance(inner, ast.Attribute))
        return {a.attr for a in stored if a.attr in OF_THE_STATE and not ast.unparse(a.value).endswith(OUTGOING)}
    if not isinstance(node, ast.Call):
        return set()
    if ast.unparse(node.func) == "setattr" and "case" in ast.unparse(node.args[0]):
        return {"an attribute of a case"}
    if isinstance(node.func, ast.Attribute) and node.func.attr == "values" and "update(Case)" in ast.unparse(node.func):
        return {keyword.arg or "what ** unpacks" for keyword in node.keywords} & {*OF_THE_STATE, "what ** unpacks"}
    return set()


# --- The tests -----------------------------------------------------------------------------------

BROKEN: dict[Rule, list[tuple[str, str]]] = {
    handlers_and_jobs_never_import_each_other: [
        ("handlers/claim.py", "from jobs import poll"),
        ("jobs/poll.py", "import handlers.claim"),
    ],
    only_the_app_imports_handlers: [("bot/cases/moves.py", "from handlers.claim import claim")],
    only_the_composition_root_imports_jobs: [("bot/app.py", "from jobs import poll")],
    the_domain_imports_the_standard_library_only: [
        ("bot/domain/case.py", "from sqlmodel import SQLModel"),
        ("bot/domain/words.py", "import snowballstemmer"),
        ("bot/domain/sla.py", "from .. import models"),
    ],
    views_import_the_domain_and_the_models_only: [
        ("bot/views/card.py", "from sqlalchemy.orm import Session"),
        ("bot/views/home.py", "from bot import cases"),
    ],
    connectors_know_neither_tables_nor_slack_nor_each_other: [
        ("bot/connectors/mastodon.py", "from bot.models import Mention"),
        ("bot/connectors/bluesky.py", "from slack_sdk import WebClient"),
        ("bot/connectors/rss.py", "from bot.connectors.mastodon import Mastodon"),
        ("bot/connectors/plein/posts.py", "from bot.connectors.mastodon import Mastodon"),
        ("bot/connectors/__init__.py", "from bot import inbox"),
        ("bot/connectors/post/reading.py", "from bot.connectors.mastodon import Mastodon"),
        ("bot/connectors/rss.py", "from bot.connectors.post.reading import read"),
    ],
    nothing_outside_the_connectors_names_a_platform: [
        ("bot/accounts/web.py", "from bot.connectors.mastodon import Mastodon"),
        ("bot/cli/add.py", "from bot.connectors import mastodon"),
        ("jobs/poll.py", "polled = platform != 'mastodon'"),
    ],
    one_module_knows_the_queue: [
        ("bot/wake.py", "from procrastinate import App"),
        ("jobs/poll.py", "import procrastinate"),
    ],
    bolt_is_known_only_where_listeners_are_wired: [("handlers/claim.py", "from slack_bolt.async_app import AsyncAck")],
    no_handler_holds_sql: [
        ("handlers/claim.py", "from sqlmodel import col, select"),
        ("handlers/details.py", "import sqlalchemy.orm"),
        ("handlers/lists.py", "from sqlmodel.ext.asyncio import session"),
    ],
    only_connectors_import_httpx: [("bot/accounts/web.py", "import httpx")],
    only_the_settings_read_the_environment: [
        ("bot/db.py", "import os; URL = os.environ['URL']"),
        ("jobs/poll.py", "import os; pause = os.getenv('PAUSE')"),
        ("bot/cli/app.py", "from os import environ as settings"),
        ("bot/accounts/web.py", "from pydantic_settings import BaseSettings"),
    ],
    migrations_import_nothing_of_ours: [
        ("bot/migrations/versions/0001_begin.py", "from bot.models import Case"),
        ("bot/migrations/env.py", "from bot import cases"),
    ],
    the_sandbox_knows_nothing_of_the_bot: [("bot/sandbox/app.py", "from bot.desk import Desk")],
    the_local_slack_knows_nothing_of_the_square: [
        ("bot/sandbox/slack/page.py", "from bot.sandbox.square.posts import Square"),
        ("bot/sandbox/slack/server.py", "from bot.sandbox import app"),
        ("bot/sandbox/slack/workspace.py", "from ..square import example_workspace"),
    ],
    the_square_knows_only_the_workspace_of_the_local_slack: [
        ("bot/sandbox/square/posts.py", "from bot.sandbox.slack.server import LocalSlack"),
        ("bot/sandbox/square/example_posts.py", "from bot.sandbox.app import Sandbox"),
    ],
    a_module_is_loaded_by_name_only_to_save_memory_or_an_installation: [
        ("bot/run.py", "import importlib; jobs = importlib.import_module('jobs')"),
        ("handlers/claim.py", "cases = __import__('bot.cases')"),
    ],
    no_modules_import_each_other_in_a_circle: [("bot/cases/inbox.py", "from bot.outgoing.outbox import send")],
    packages_import_only_from_floors_below: [
        ("bot/domain/sla.py", "from bot.views import card"),
        ("bot/outgoing/outbox.py", "import bot.accounts.store"),
        ("bot/surprise.py", ""),
    ],
    only_the_steady_clock_reads_the_clock_of_the_machine: [
        ("bot/connectors/http.py", "now = datetime.now(UTC)"),
        ("jobs/poll.py", "import time; began = time.time()"),
    ],
    the_domain_and_the_views_neither_wait_nor_read_a_clock: [
        ("bot/domain/sla.py", "import asyncio"),
        ("bot/domain/case.py", "async def claim(): pass"),
        ("bot/domain/hours.py", "def today(): return datetime.now(UTC)"),
        ("bot/views/card.py", "from time import time"),
        ("bot/views/home.py", "def home(): return open('home.json')"),
    ],
    imports_stand_at_the_top_of_a_module: [
        ("bot/slack/messages.py", "def sync(): from bot import cases"),
        ("jobs/poll.py", "class Poll:\n  async def run(self): import handlers"),
    ],
    only_the_state_machine_changes_the_status_of_a_case: [
        ("bot/outgoing/outbox.py", "case.status = Status.ANSWERED"),
        ("bot/cases/inbox.py", "case.status, case.assignee = Status.NEW, None"),
        ("jobs/claims.py", "def back(file):\n  file.case.assignee = None"),
        ("handlers/close.py", "update(Case).where(Case.id == 1).values(status=Status.CLOSED)"),
        ("handlers/close.py", "update(Case).values(**ended)"),
        ("bot/cases/moves.py", "setattr(case, 'status', Status.NEW)"),
        ("bot/cases/closing.py", "case.waits_since = since"),
    ],
    no_module_keeps_mutable_state: [
        ("bot/wake.py", "lanes = {}"),
        ("bot/desk.py", "clients: list[str] = list()"),
        ("bot/db.py", "if True:\n  engines = defaultdict(list)"),
        ("bot/app.py", "def build():\n  global app"),
    ],
}
"""The rules, each with files that break it on their last line when they join the sound tree."""

SOUND = {
    "bot/app.py": "import handlers\nfrom slack_bolt.async_app import AsyncApp",
    "bot/run.py": "from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler\nfrom jobs import poll",
    "bot/config.py": "import os\nHOME = os.environ['HOME']",
    "bot/connectors/__init__.py": "from bot.connectors import mastodon, pixelfed\nBY_NAME = {}",
    "bot/connectors/base.py": "from bot.domain.mention import Post",
    "bot/connectors/http.py": "import httpx\nfrom bot.connectors.base import Unavailable",
    "bot/connectors/mastodon.py": "import httpx\nfrom . import http\nPLATFORM = Platform(name='mastodon')",
    "bot/trial/trying.py": "from bot.connectors.mastodon import Mastodon\nSHOWN = 'mastodon'",
    "bot/connectors/post/__init__.py": "from bot.connectors.post import reading",
    "bot/connectors/post/reading.py": "from bot.connectors.post.parsing import Letter",
    "bot/connectors/post/parsing.py": "import email",
    "bot/sandbox/slack/people.py": "profile = ('mastodon',)",
    "bot/connectors/pixelfed.py": "from bot.connectors import mastodon\nclass Pixelfed(mastodon.Mastodon): pass",
    "bot/domain/sla.py": "from __future__ import annotations\nfrom datetime import time\nfrom .hours import add",
    "bot/db.py": "import importlib; upgrade = importlib.import_module('bot.migrations.upgrade')",
    "bot/watch/sentry.py": "import importlib; sentry_sdk = importlib.import_module('sentry_sdk')",
    "bot/migrations/env.py": "from bot import config, db, models",
    "bot/accounts/store.py": "",
    "bot/cases/inbox.py": "",
    "bot/cases/state.py": "case.status = Status.NEW\nsetattr(case, 'assignee', None)",
    "bot/outgoing/outbox.py": "from bot.cases.inbox import take_in\nreply.status = ReplyStatus.SENT",
    "bot/desk.py": "from bot.wake import Wake",
    "bot/wake.py": "if TYPE_CHECKING:\n  from bot.desk import Desk\n__all__ = ['Wake']\nlane = tuple()",
    "bot/shared_lanes.py": "from procrastinate import App\nfrom bot.wake import Drain",
    "bot/sandbox/app.py": "from bot.sandbox.slack.server import LocalSlack\nfrom bot.sandbox.square.posts import posts",
    "bot/sandbox/slack/server.py": "from bot.sandbox.slack import workspace\nfrom . import page",
    "bot/sandbox/square/posts.py": "from bot.sandbox.slack.workspace import Change\nfrom . import example_posts",
    "bot/views/card.py": "import regex\nfrom bot import texts\nfrom bot.models import Case",
    "handlers/__init__.py": "from slack_bolt.async_app import AsyncApp\nfrom handlers import claim",
    "handlers/claim.py": "from sqlmodel.ext.asyncio.session import AsyncSession\nfrom bot import cases",
    "jobs/poll.py": "from bot import inbox",
}
"""A tree that uses every exception the rules allow."""


def plant(root: Path, files: dict[str, str]) -> list[Module]:
    """Write the files and read them as our code would be read."""
    for path, source in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(source + "\n", encoding="utf-8")
    return read_modules(root)


@pytest.mark.parametrize("rule", BROKEN)
def test_our_code_keeps_the_rule(rule: Rule) -> None:
    modules = our_modules()
    assert {module.name for module in modules} >= set(PACKAGES), "our code was not found"
    violations = sorted(set(rule(modules)))
    assert not violations, "\n".join([f"{rule.__name__.replace('_', ' ')}: {rule.__doc__}", *violations])


@pytest.mark.parametrize("rule", BROKEN)
def test_a_sound_tree_keeps_the_rule(rule: Rule, tmp_path: Path) -> None:
    assert list(rule(plant(tmp_path, SOUND))) == []


@pytest.mark.parametrize(("rule", "path", "source"), [(rule, *file) for rule in BROKEN for file in BROKEN[rule]])
def test_a_broken_tree_is_caught_where_it_breaks_the_rule(rule: Rule, path: str, source: str, tmp_path: Path) -> None:
    violations = list(rule(plant(tmp_path, {**SOUND, path: source})))
    last_line = source.count("\n") + 1
    assert any(violation.startswith(f"{path}:{last_line}: ") for violation in violations)


def test_our_tests_keep_apart() -> None:
    violations = sorted(set(no_test_module_imports_another(read_modules(ROOT, ("tests",)))))
    assert not violations, "\n".join([str(no_test_module_imports_another.__doc__), *violations])


@pytest.mark.parametrize("source", ["from tests.cases.test_story import answer", "import tests.test_story.answer"])
def test_a_test_that_imports_from_another_is_caught(source: str, tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/test_case.py").write_text(f"from tests.people import answer\n{source}\n")
    [violation] = no_test_module_imports_another(read_modules(tmp_path, ("tests",)))
    assert violation.startswith("tests/test_case.py:2: ")


if __name__ == "__main__":
    sys.stdout.write(table_of_packages(read_modules(Path(sys.argv[1]) if sys.argv[1:] else ROOT)) + "\n")

"""Connect accounts from Slack: the list, where to sign in, the accounts of a sign-in, and the result."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.label import Label
from bot.domain.text import Text
from bot.models import Account, SigningIn, SigningInStage
from bot.texts import Texts
from bot.views.block import Block, View, actions, button, context, field_of, literal, modal, offered, option, section
from bot.views.settings_form import back, line, metadata_of, more, page

SHOWN = 60
"""Accounts in the list; a modal has room for a hundred blocks."""
FEW = 10
"""Slack takes ten checkboxes; more become a menu."""


@dataclass(frozen=True)
class Place:
    """A platform on which somebody can sign in; not `ready` while only the command line can do it."""

    name: str
    label: Label
    ready: bool


@dataclass(frozen=True)
class Result:
    """The result for one account: its name, its check, and whether it was added, renewed or neither.

    `is_stopped`: people stopped it, and it stays so.
    """

    name: str
    problems: Sequence[Text]
    warnings: Sequence[Text] = ()
    added: bool = False
    has_steps: bool = False
    is_stopped: bool = False


def accounts_page(team_id: int, accounts: Sequence[tuple[Account, Label]], places: Sequence[Place], t: Texts) -> Block:
    """Return the list of a team's accounts, and the platforms where another can be connected."""
    rows = [section(f"*{literal(label.signed, 80)}*\n{_state(account, t)}") for account, label in accounts[:SHOWN]]
    blocks = rows or [section(t("This team has no accounts yet."))]
    blocks += more(len(accounts) - SHOWN, t)
    blocks += [{"type": "divider"}, section(f"*{t('Connect an account')}*")]
    blocks += _places(places, t)
    blocks.append(
        context(
            t("You sign in on the page of the platform itself. To renew the access of an account, sign in again. "
              "Other platforms are connected on the command line, with `webcare accounts add`.")
        )
    )  # fmt: skip
    return page(team_id, t("Accounts"), [*blocks, *actions(back(t))], t)


def _state(account: Account, t: Texts) -> str:
    if account.stopped_at is not None:
        return t("Stopped: {problem}", problem=literal(t.stored(account.problem), 300))
    if account.problem is not None:
        return t("Does not work now: {problem}", problem=literal(t.stored(account.problem), 300))
    if account.fault is not None:
        return t("Works in part: {problem}", problem=literal(t.stored(account.fault), 300))
    return t("Works")


def _places(places: Sequence[Place], t: Texts) -> list[Block]:
    rows = [
        section(place.label.signed_platform)
        | {"accessory": button(t("Sign in…"), "account:connect", place.name, of=place.label.signed_platform)}
        for place in places
        if place.ready
    ]
    others = ", ".join(place.label.signed_platform for place in places if not place.ready)
    if not others:
        return rows
    words = t("{platforms}: the first account is connected on the command line, because that needs the secret of your "
              "app: {command}", platforms=others, command="`webcare accounts add … --sign-in`")  # fmt: skip
    return [*rows, section(words)]


def server_modal(team_id: int, platform: str, title: str, t: Texts) -> Block:
    """Ask on which server the account is."""
    field = line(t("Address of the server"), "server", {}, optional=False, most=200,
                 hint=t("For example https://social.example"))  # fmt: skip
    metadata = metadata_of(team_id, platform=platform)
    return modal("account:begin", title, [field], submit=t("Next"), close=t("Cancel"), metadata=metadata)


def sign_in_modal(team_id: int, title: str, address: str, t: Texts, *, paste: str = "") -> Block:
    """Say where to sign in; `paste` is the platform whose address must be pasted, if there is no redirect to us."""
    where = t("Sign in on {platform} with the account that you want to connect, within 15 minutes.", platform=title)
    blocks = [section(where), *actions(button(t("To the page of {platform}", platform=title), "account:page", "open",
                                              style="primary", url=address))]  # fmt: skip
    if not paste:
        then = t("After that you get a direct message here, in which you choose what to connect.")
        return page(team_id, t("Sign in"), [*blocks, context(then)], t)
    hint = t("Your browser may not be able to show that page. That does not matter: copy its address.")
    pasted = line(t("Address of the page at which you came out"), "came_out", {}, optional=False, hint=hint)
    metadata = metadata_of(team_id, platform=paste)
    return modal("sign_in:paste", t("Sign in"), [*blocks, pasted], submit=t("Next"), close=t("Cancel"),
                 metadata=metadata)  # fmt: skip


def signed_in(row: SigningIn, title: str, t: Texts) -> View:
    """Notify a coordinator that they can choose what to connect; after that, show what was connected."""
    names = ", ".join(literal(name, 80) for name in row.connected)
    if row.stage is SigningInStage.SIGNED_IN:
        accounts = t.plural("It lets us into one account.", "It lets us into {n} accounts.", len(row.offers))
        words = f"{t('You signed in on {platform}.', platform=title)} {accounts}"
        until = t("Choose before {time} what to connect.", time=t.time(row.ends_at))
        choose = button(t("Choose…"), "sign_in:choose", str(row.id), style="primary")
        connected = [t("Connected: {names}", names=names)] if names else []
        said = "\n".join([f"{words} {until}", *connected])
        return View(said, [section(words), context(until), *map(context, connected), *actions(choose)])
    if names:
        words = t("You signed in on {platform}. Connected: {names}", platform=title, names=names)
    else:
        words = t("You signed in on {platform}, but chose nothing in time. Sign in again to connect an account.",
                  platform=title)  # fmt: skip
    return View(words, [section(words)])


def choose_modal(team_id: int, row: SigningIn, title: str, t: Texts) -> Block:
    """Ask which accounts to connect."""
    options = [option(offer["name"], offer["id"]) for offer in row.offers]
    kind = "checkboxes" if len(options) <= FEW else "multi_static_select"
    element: Block = {"type": kind, **offered(options)}
    if len(options) == 1:
        element["initial_options"] = options
    blocks = [
        field_of(t("Accounts on {platform}", platform=title), "offers", element,
                 hint=t("One that is connected already gets new access.")),
        context(t("Their new posts come in for this team.")),
    ]  # fmt: skip
    metadata = metadata_of(team_id, sign_in=row.id)
    return modal("sign_in:choose", t("Connect accounts"), blocks, submit=t("Connect"), close=t("Cancel"),
                 metadata=metadata)  # fmt: skip


def connected_page(team_id: int, results: Sequence[Result], t: Texts) -> Block:
    """Show the result for each account."""
    return page(team_id, t("Accounts"), [block for each in results for block in _result(each, t)], t)


def _result(result: Result, t: Texts) -> list[Block]:
    name = f"*{literal(result.name, 80)}*"
    if result.problems:
        problems = [section(f"⚠️ {literal(t(problem), 500)}") for problem in result.problems]
        return [section(t("{account} was not connected:", account=name)), *problems]
    added, renewed = t("✅ {account} is connected.", account=name), t("✅ {account} has new access.", account=name)
    blocks = [section(added if result.added else renewed)]
    blocks += [context(f"⚠️ {literal(t(warning), 500)}") for warning in result.warnings]
    if result.is_stopped:
        blocks.append(
            context(t("⏸️ It is still stopped: an administrator starts it with `webcare accounts start NAME`."))
        )
    if result.has_steps:
        steps = t("Let an administrator set up that new posts come in at once: `webcare accounts steps NAME` says how.")
        blocks.append(context(steps))
    return blocks

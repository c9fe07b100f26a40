"""Messages to a team about an account: it stopped, fails, waits or is silent; that is over; its token ends."""

from datetime import datetime

from bot.domain.budget import Budget
from bot.domain.label import Label
from bot.domain.text import Text, text
from bot.models import Account, AccountTroubled, TroubleKind
from bot.texts import Texts
from bot.views.block import View, context, literal, section

BEGAN = {
    TroubleKind.FAILING: text("⚠️ The account *{account}* has not worked since {since}: {problem}"),
    TroubleKind.PARTLY: text("⚠️ Part of the account *{account}* has not worked since {since}: {problem}"),
    TroubleKind.LIMITED: text("⏳ The platform's limit for the account *{account}* is used up until {rests_until}."),
    TroubleKind.SILENT: text(
        "🔇 Nothing has come in on *{account}* since {since}. At these hours it is seldom silent for so long."
    ),
}
WHAT_TO_DO = {
    TroubleKind.FAILING: text("We keep trying. If it lasts, an administrator sees more with `webcare accounts check`."),
    TroubleKind.PARTLY: text(
        "All else goes on. An administrator sees more, and how to mend it, with `webcare accounts check`."
    ),
    TroubleKind.LIMITED: text(
        "You do not have to do anything: what waits follows by itself. What cannot wait can be read and answered on "
        "the platform itself."
    ),
    TroubleKind.SILENT: text(
        "Look on the platform whether there is something new. If there is, an administrator can find out why it does "
        "not come in with `webcare accounts check`."
    ),
}
WAS = {
    TroubleKind.STOPPED: text("From {since} to {until} the account *{account}* was stopped: {problem}"),
    TroubleKind.FAILING: text("From {since} to {until} the account *{account}* did not work: {problem}"),
    TroubleKind.PARTLY: text("From {since} to {until} part of the account *{account}* did not work: {problem}"),
    TroubleKind.LIMITED: text("From {since} to {until} the platform's limit for the account *{account}* was used up."),
    TroubleKind.SILENT: text("From {since} to {until} nothing came in on *{account}*."),
}
ALL_WORKS = text("✅ All of the account *{account}* works again.")
WORKS_AGAIN = text("✅ The account *{account}* works again. What waited since {since} follows now.")
STARTED = text("▶️ The account *{account}* was started again.")
HEARD_AGAIN = text("✅ Mentions come in on *{account}* again.")
NEWS = {TroubleKind.PARTLY: ALL_WORKS, TroubleKind.SILENT: HEARD_AGAIN}


def account_trouble(troubled: AccountTroubled, label: Label, t: Texts, now: datetime) -> View:
    """Notify a team of what has been wrong with an account for a while; once it is over, until when it was."""
    kind, until, limit = TroubleKind(troubled.kind), troubled.until, Budget.of(troubled.budget)
    said = BEGAN[kind] if until is None else WAS[kind]
    if troubled.is_news:
        said = STARTED if troubled.is_started else NEWS.get(kind, WORKS_AGAIN)
    about = {
        "account": literal(str(label), 80),
        "since": t.when(troubled.since, now),
        "until": t.when(until, now) if until else "",
        "problem": literal(t.stored(troubled.problem), 1500),  # each part that fails is named
        "rests_until": t.when(limit.until, now) if limit.until else "",
    }
    words = t(Text(said.message, about))
    if until is None and kind is TroubleKind.LIMITED:
        words += " " + _while_stopped(t, is_asked=limit.reading is not None, answers=limit.answering is not None)
    to_do = [t(WHAT_TO_DO[kind])] if until is None else []
    return View("\n".join([words, *to_do]), [section(words), *map(context, to_do)])


def account_stopped(account: Account, label: Label, t: Texts, *, is_asked: bool, answers: bool) -> View:
    """Notify the team that an account stopped, what that means, and how to repair it.

    `is_asked`: we poll its platform, so no posts come in; a platform that pushes them continues to do so.
    """
    problem = literal(t.stored(account.problem), 500)
    stopped = t("⚠️ The account *{account}* has stopped: {problem}", account=literal(str(label), 80), problem=problem)
    words = f"{stopped} {_while_stopped(t, is_asked=is_asked, answers=answers)}"
    repair = t("An administrator can mend it: `webcare accounts check` says what is wrong and starts it again.")
    if account.sealed:
        repair += " " + t("It does not have to be added again: give it a new token with `webcare accounts renew NAME`.")
    return View(f"{words}\n{repair}", [section(words), context(repair)])


def account_removed(name: str, t: Texts) -> View:
    """Show that an account, with which something was wrong, is there no longer."""
    words = t("The account *{account}* was removed.", account=literal(name, 80))
    return View(words, [section(words)])


def token_ends(label: Label, ends_at: datetime, t: Texts, *, signs_in: bool, renewed: bool = False) -> View:
    """Notify the team that an account's token ends soon, and how to renew it; `signs_in`: on the platform's page.

    Once it is `renewed`, say so.
    """
    if renewed:
        about = {"account": literal(str(label), 80), "date": t.date(ends_at)}
        words = t("✅ The account *{account}* has a new token in place of the one that would end on {date}.", **about)
        return View(words, [section(words)])
    words = t("⏳ The token of the account *{account}* ends on {date}. After that the account stops.",
              account=literal(str(label), 80), date=t.date(ends_at))  # fmt: skip
    renew = t("An administrator gives it a new token with `webcare accounts renew NAME`.")
    if signs_in:
        renew = t("A coordinator signs in again, under *Accounts* in the settings.") + " " + renew
    return View(f"{words}\n{renew}", [section(words), context(renew)])


def _while_stopped(t: Texts, *, is_asked: bool, answers: bool) -> str:
    if is_asked and answers:
        return t("New mentions do not come in and answers wait.")
    if is_asked:
        return t("New mentions do not come in.")
    return t("Answers cannot be delivered and wait. New mentions still come in.")

"""The main job by e-mail, end to end: a citizen writes, the team answers in Slack, the citizen writes again."""

import imaplib
from collections.abc import AsyncIterator
from datetime import timedelta
from email import message_from_bytes, policy
from typing import Any

import pytest

from bot import accounts
from bot.models import Account, Case, Mention, Reply, ReplyStatus
from bot.sandbox.slack.inspection import action_ids, text_of
from jobs import account_troubles, poll, replies, sweep
from tests.conftest import CHANNEL, SANNE, Bot
from tests.connectors.email.mail_server import PASSWORD, MailboxThere, MailServer
from tests.connectors.email.mail_wires import BetweenMail
from tests.people import answer, open_modal, sent_out


@pytest.fixture
def team(mail: MailServer) -> MailboxThere:
    return mail.mailbox("webcare", "gemeente.example")


@pytest.fixture
def jan(mail: MailServer) -> MailboxThere:
    return mail.mailbox("jan", "burger.example")


@pytest.fixture
async def between(mail: MailServer) -> AsyncIterator[BetweenMail]:
    async with BetweenMail(mail.ports["smtp"]) as one:
        yield one


@pytest.fixture
async def by_mail(bot: Bot, team: MailboxThere, between: BetweenMail) -> Bot:
    """The bot on each database, with the team's mailbox, added as `webcare accounts add` does."""
    options = {"address": team.address, "imap": f"imap://127.0.0.1:{team.server.ports['imap']}", "smtp": between.url}
    async with bot.desk.session() as session:
        row = await accounts.add(
            session, bot.desk.settings, platform="email", name=team.address, url="",
            secrets={"password": PASSWORD}, options=options, now=bot.desk.now(),
        )  # fmt: skip
        health = await accounts.health(bot.desk.connector(row))
        assert health.problems == ()
        accounts.learned(row, health)
        session.add(row)
    return bot


def write(team: MailboxThere, sender: str, words: str, number: int, **headers: str) -> None:
    told = {"From": f"Jan <{sender}>", "Subject": "Container", "Message-ID": f"<{number}@burger.example>", **headers}
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in told.items())
    team.put(f"{head}\r\n{words}\r\n".encode())


def read(box: MailboxThere) -> list[Any]:
    return [message_from_bytes(raw, policy=policy.default) for raw in box.mails()]


async def settled(bot: Bot) -> None:
    await poll.poll_due(bot.desk)
    await bot.desk.wake.idle()  # type: ignore[attr-defined]


async def test_a_mail_is_answered_and_what_the_citizen_writes_then_joins_its_case(
    by_mail: Bot, team: MailboxThere, jan: MailboxThere
) -> None:
    bot = by_mail
    write(team, jan.address, "Wanneer wordt de <container> geleegd?", 1)
    await poll.poll_due(bot.desk)
    card = await bot.card("container", "Nieuw", "privébericht")
    assert "E-mail" in text_of(card)
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:answer")
    view = await open_modal(bot, SANNE, "case:answer")
    assert "answer_visibility" not in action_ids(view)
    ack = await bot.slack.submit(SANNE, {"answer_text": "Donderdag, één keer.", "initials": "SB"})
    assert ack.ok and not ack.errors, ack
    await bot.card("*Beantwoord*", "Donderdag")
    [told] = read(jan)
    assert told["Subject"] == "Re: Container"
    assert told.get_content().startswith("Donderdag, één keer. ^SB\n\nJan <")
    assert "> Wanneer wordt de <container> geleegd?" in told.get_content()
    quoted = f"Nee, vrijdag!\r\n\r\nOp di 24 nov 2026 om 10:42 schreef Webcare <{team.address}>:\r\n\r\n> Donderdag."
    write(team, jan.address, quoted, 2, Subject="Re: Container", In_Reply_To=told["Message-ID"])
    await settled(bot)
    await bot.card("Nee, vrijdag!", "Nieuw")
    mentions = await bot.rows(Mention)
    assert [(each.case_id, each.text) for each in mentions][1:] == [(mentions[0].case_id, "Nee, vrijdag!")]
    await settled(bot)
    assert len(await bot.rows(Mention)) == 2


@pytest.mark.parametrize(
    ("below", "shown"),
    [
        ("Op 3 maart schreef ik u ook het volgende:\r\nde stoep is kapot.", "de stoep is kapot."),
        ("--\r\nMaar de lantaarn doet het nog steeds niet.", "Ingekort"),
    ],
)
async def test_who_thanks_and_asks_on_is_seen(
    by_mail: Bot, team: MailboxThere, jan: MailboxThere, below: str, shown: str
) -> None:
    bot = by_mail
    told = await _answered(bot, team, jan)
    words = f"Bedankt!\r\n\r\n{below}"
    write(team, jan.address, words, 2, Subject="Re: Container", In_Reply_To=told["Message-ID"])
    await settled(bot)
    await bot.card("Nieuw", "Bedankt!", shown)


OUTLOOK = "Van: Webcare\r\nVerzonden: dinsdag 24 november 2026 10:42\r\nAan: Jan\r\nOnderwerp: RE: Container\r\n\r\n"


async def test_an_answer_inside_a_quotation_can_be_read_and_is_no_mere_thanks(
    by_mail: Bot, team: MailboxThere, jan: MailboxThere
) -> None:
    bot = by_mail
    told = await _answered(bot, team, jan)
    theirs = told.get_content().replace("Donderdag.", "Donderdag.\r\nMijn huis staat nog in brand.")
    signed = f"Bedankt!\r\n\r\n-- \r\nJan\r\n\r\n{OUTLOOK}{theirs}"
    write(team, jan.address, signed, 2, Subject="RE: Container", In_Reply_To=told["Message-ID"])
    await settled(bot)
    card = await bot.card("Nieuw", "Bedankt!", "Ingekort")
    assert "in brand" not in text_of(card)
    [case] = await bot.rows(Case)
    assert case.signals == ["danger"]
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:more", "details:1")
    await bot.slack.wait_for(lambda: "Mijn huis staat nog in brand." in text_of(bot.slack.view(SANNE) or {}))


async def test_thanks_above_our_own_words_are_thanks(by_mail: Bot, team: MailboxThere, jan: MailboxThere) -> None:
    """Outlook quotes the whole mail below the words, without marks."""
    bot = by_mail
    told = await _answered(bot, team, jan, "Donderdag. Bel bij brand 112.")
    theirs = f"Bedankt!\r\n\r\nVerzonden vanuit Outlook voor iOS\r\n{'_' * 32}\r\n{OUTLOOK}{told.get_content()}"
    write(team, jan.address, theirs, 2, Subject="RE: Container", In_Reply_To=told["Message-ID"])
    await settled(bot)
    card = await bot.card("*Beantwoord*", "Bedankt!")
    assert "Ingekort" not in text_of(card)
    [case] = await bot.rows(Case)
    assert not case.signals


async def _answered(bot: Bot, team: MailboxThere, jan: MailboxThere, words: str = "Donderdag.") -> Any:
    """A citizen asks, an agent answers; returns the mail that the citizen gets."""
    write(team, jan.address, "Wanneer wordt de lantaarn gemaakt?", 1)
    await poll.poll_due(bot.desk)
    await answer(bot, SANNE, await bot.card("lantaarn"), words)
    await bot.card("*Beantwoord*")
    bot.clock.advance(minutes=1)
    [told] = read(jan)
    return told


async def test_the_card_says_that_others_got_the_mail_too_without_their_addresses(
    by_mail: Bot, team: MailboxThere, jan: MailboxThere
) -> None:
    bot = by_mail
    write(team, jan.address, "Wanneer?", 1, To=team.address, Cc="redactie@krant.example, Els <els@raad.example>")
    await poll.poll_due(bot.desk)
    card = await bot.card("Wanneer?", "ook aan 2 anderen")
    assert "krant" not in text_of(card) and "Els" not in text_of(card)


async def test_what_a_form_sends_in_the_mailbox_s_own_name_has_a_card_and_the_citizen_gets_the_answer(
    by_mail: Bot, team: MailboxThere, jan: MailboxThere
) -> None:
    bot = by_mail
    write(team, team.address, "Mijn lantaarn is kapot.", 1, To=team.address, Reply_To=f"Jan <{jan.address}>")
    await poll.poll_due(bot.desk)
    await answer(bot, SANNE, await bot.card("lantaarn", jan.address), "Wij komen kijken.")
    await bot.card("*Beantwoord*")
    assert len(read(jan)) == 1
    await settled(bot)
    assert len(await bot.rows(Mention)) == 1


async def test_another_mail_with_the_same_id_comes_in_too_and_the_same_mail_does_not(
    by_mail: Bot, team: MailboxThere, jan: MailboxThere
) -> None:
    """Some forms and scanners give all their mails one Message-ID."""
    bot = by_mail
    write(team, jan.address, "Mijn lantaarn is kapot.", 1)
    write(team, "els@burger.example", "Er ligt glas op het schoolplein.", 1)
    await settled(bot)
    write(team, jan.address, "Nu is ook de stoep kapot.", 1)
    bot.clock.advance(minutes=1)
    await settled(bot)
    words = ["Mijn lantaarn is kapot.", "Er ligt glas op het schoolplein.", "Nu is ook de stoep kapot."]
    assert [each.text for each in await bot.rows(Mention)] == [f"Container\n\n{each}" for each in words]
    for sender, said in zip((jan.address, "els@burger.example", jan.address), words, strict=True):  # moved and back
        write(team, sender, said, 1, Received="from elsewhere")
    bot.clock.advance(minutes=1)
    await settled(bot)
    assert len(await bot.rows(Mention)) == 3
    await answer(bot, SANNE, await bot.card("stoep"), "Wij komen kijken.")
    await bot.card("*Beantwoord*", "stoep")
    [told] = read(jan)
    write(team, jan.address, "Wanneer dan?", 2, Subject="Re: Container", In_Reply_To=told["Message-ID"])
    bot.clock.advance(minutes=1)
    await settled(bot)
    mentions = await bot.rows(Mention)
    assert [each.case_id for each in mentions] == [*(each.case_id for each in mentions[:3]), mentions[2].case_id]


async def test_an_answer_that_comes_back_is_told_with_the_reason_and_the_case_is_with_its_agent(
    by_mail: Bot, team: MailboxThere
) -> None:
    bot = by_mail
    write(team, "gone@burger.example", "Hallo?", 1)
    await poll.poll_due(bot.desk)
    card = await bot.card("Hallo?")
    await answer(bot, SANNE, card, "Dag!")
    await bot.card("*Beantwoord*")
    assert len(team.mails()) == 2, "Exim sent a report"
    await settled(bot)
    await bot.card("Niet aangekomen", SANNE)
    told = await bot.slack.wait_for(lambda: bot.slack.thread(CHANNEL, card["ts"]))
    assert "gone@burger.example" in text_of(told[-1])
    [reply] = await bot.rows(Reply)
    assert reply.status is ReplyStatus.FAILED
    assert len(await bot.rows(Mention)) == 1


async def test_a_report_in_words_takes_the_answer_back_and_the_same_words_of_a_citizen_do_not(
    by_mail: Bot, team: MailboxThere, jan: MailboxThere
) -> None:
    bot = by_mail
    ours = (await _answered(bot, team, jan))["Message-ID"]
    words = (
        f"Hi. This is the qmail-send program.\r\n\r\n<{jan.address}>:\r\nSorry, no mailbox here by that name. (#5.1.1)"
        f"\r\n\r\n--- Below this line is a copy of the message.\r\n\r\nMessage-ID: {ours}\r\n"
    )
    write(team, jan.address, words, 2, Return_Path=f"<{jan.address}>", Subject="failure notice")
    await settled(bot)
    await bot.card("qmail-send program", "Nieuw")
    assert [each.status for each in await bot.rows(Reply)] == [ReplyStatus.SENT]
    write(team, "MAILER-DAEMON@burger.example", words, 3, Return_Path="<>", Subject="failure notice")
    await settled(bot)
    await bot.card("Niet aangekomen", SANNE)
    assert [each.status for each in await bot.rows(Reply)] == [ReplyStatus.FAILED]
    assert len(await bot.rows(Mention)) == 2


async def test_a_report_about_a_mail_of_a_colleague_in_the_same_conversation_takes_no_answer_back(
    by_mail: Bot, team: MailboxThere, jan: MailboxThere
) -> None:
    bot = by_mail
    ours = (await _answered(bot, team, jan))["Message-ID"]

    def report(n: int, headers: str) -> None:
        body = (
            "--r\r\n\r\nHelaas.\r\n--r\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example"
            "\r\n\r\nFinal-Recipient: rfc822; weg@burger.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n"
            f"--r\r\nContent-Type: text/rfc822-headers\r\n\r\n{headers}\r\n--r--\r\n"
        )
        kind = 'multipart/report; report-type=delivery-status; boundary="r"'
        write(team, "MAILER-DAEMON@burger.example", body, n, Return_Path="<>", Content_Type=kind)

    report(2, f"Message-ID: <doorgestuurd@outlook.example>\r\nReferences: {ours}\r\n")
    await settled(bot)
    assert [each.status for each in await bot.rows(Reply)] == [ReplyStatus.SENT]
    report(3, f"References: <1@burger.example>\r\nMessage-ID: {ours}\r\n")
    await settled(bot)
    await bot.card("Niet aangekomen", SANNE)
    assert [each.status for each in await bot.rows(Reply)] == [ReplyStatus.FAILED]
    assert len(await bot.rows(Mention)) == 1


@pytest.mark.parametrize("taken", [False, True])
async def test_an_answer_whose_outcome_nobody_knows_has_a_person_look(
    by_mail: Bot, team: MailboxThere, jan: MailboxThere, between: BetweenMail, taken: bool
) -> None:
    bot = by_mail
    write(team, jan.address, "Wanneer?", 1)
    await poll.poll_due(bot.desk)
    card = await bot.card("Wanneer?")
    async with between.holding("", "DOT", passed_on=taken) as caught:
        await answer(bot, SANNE, card, "Donderdag.")
        await caught()
    await bot.card("Wordt verstuurd", "verbrak de verbinding")
    bot.clock.advance(minutes=1)
    await sweep(bot.desk)
    await bot.card("Misschien verstuurd", SANNE)
    [reply] = await bot.rows(Reply)
    assert reply.status is ReplyStatus.UNCERTAIN
    assert len(read(jan)) == int(taken)


@pytest.mark.parametrize("settles", [False, True], ids=["read at once", "read after a person said that it was sent"])
async def test_an_answer_of_which_nobody_knew_the_outcome_and_that_comes_back_is_with_its_agent(
    by_mail: Bot, team: MailboxThere, between: BetweenMail, settles: bool
) -> None:
    bot = by_mail
    write(team, "gone@burger.example", "Hallo?", 1)
    await poll.poll_due(bot.desk)
    card = await bot.card("Hallo?")
    async with between.holding("", "DOT", passed_on=True) as caught:
        await answer(bot, SANNE, card, "Dag!")
        await caught()
    await bot.card("Wordt verstuurd", "verbrak de verbinding")
    bot.clock.advance(minutes=1)
    await sweep(bot.desk)
    await bot.card("Misschien verstuurd", SANNE)
    if settles:
        await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:settle_sent")
        await bot.card("*Beantwoord*")
    assert len(team.mails()) == 2, "Exim sent a report"
    await settled(bot)
    await bot.card("Niet aangekomen", SANNE)
    [reply] = await bot.rows(Reply)
    assert reply.status is ReplyStatus.FAILED
    said = [text_of(each) for each in bot.slack.thread(CHANNEL, card["ts"])]
    assert "gone@burger.example" in said[-1] and "heeft de burger niet bereikt" in said[-1], said
    assert not any("niet zeker" in each for each in said), said
    assert sum("heeft de burger niet bereikt" in each for each in said) == 1, said
    assert sum("nu zeker dat je antwoord niet is aangekomen" in each for each in said) == 1, said


async def test_what_is_not_taken_now_is_tried_again_with_the_reason_and_is_refused_after_two_days(
    by_mail: Bot, team: MailboxThere, jan: MailboxThere
) -> None:
    bot = by_mail
    write(team, "later@gemeente.example", "Hallo?", 1)
    await poll.poll_due(bot.desk)
    card = await bot.card("Hallo?")
    began = bot.desk.now()
    await answer(bot, SANNE, card, "Dag!")
    await bot.card("Wacht op verzending", "neemt de mail nu niet aan: 451 4.2.1 Try again later")
    write(team, jan.address, "Wanneer?", 2)
    await settled(bot)
    await answer(bot, SANNE, await bot.card("Wanneer?"), "Vrijdag!")
    await bot.card("Vrijdag!", "*Beantwoord*")  # it is not held up
    waits = list[timedelta]()

    async def look() -> Reply:
        await sent_out(bot)
        await replies.look_after(bot.desk)
        await account_troubles.look_after(bot.desk)
        await bot.desk.wake.idle()  # type: ignore[attr-defined]
        return (await bot.rows(Reply))[0]

    while (reply := await look()).unsent:
        assert reply.send_at - began < timedelta(days=3)
        waits.append(reply.send_at - bot.desk.now())
        bot.clock.advance(seconds=waits[-1].total_seconds())
    assert [round(each / timedelta(minutes=1)) for each in waits[:5]] == [5, 10, 20, 40, 60]
    assert bot.desk.now() - began >= timedelta(days=2)
    assert reply.status is ReplyStatus.FAILED
    await bot.card("*Niet verstuurd*", SANNE, "twee dagen geprobeerd", "451 4.2.1 Try again later")
    thread = [text_of(each) for each in bot.slack.thread(CHANNEL, card["ts"])]
    assert "je antwoord is niet geplaatst" in thread[-1] and "451 4.2.1 Try again later" in thread[-1], thread
    shown = [*thread, *(text_of(each) for each in bot.slack.messages(CHANNEL))]
    assert not any("limiet van het platform" in each for each in shown), shown


async def test_a_mail_and_a_folder_that_cannot_be_read_are_said_and_the_rest_comes_in(
    by_mail: Bot, team: MailboxThere, jan: MailboxThere, monkeypatch: pytest.MonkeyPatch
) -> None:
    bot, truly = by_mail, imaplib.IMAP4.uid

    def uid(self: imaplib.IMAP4, command: str, *args: str) -> Any:
        is_refused = command == "FETCH" and args[0] == "1" and "BODY.PEEK[]" in args[1]
        return ("NO", [b"It is damaged."]) if is_refused else truly(self, command, *args)

    monkeypatch.setattr(imaplib.IMAP4, "uid", uid)
    async with bot.desk.session() as session:
        account = await session.get_one(Account, 2)
        account.options = {**account.options, "folders": "Hernoemd,INBOX"}
        session.add(account)
    write(team, jan.address, "Dit kan niemand lezen", 1, Subject="Lantaarnpaal")
    write(team, jan.address, "Wanneer?", 2)
    await settled(bot)
    await bot.card("Lantaarnpaal", "iets dat het platform niet doorgeeft", "It is damaged.")
    await bot.card("Wanneer?")
    for _ in range(2):
        await account_troubles.look_after(bot.desk)
        bot.clock.advance(minutes=16)
        await settled(bot)
    await account_troubles.look_after(bot.desk)
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    shown = [text_of(each) for each in bot.slack.messages(CHANNEL)]
    assert any("De map Hernoemd kan niet worden gelezen" in each for each in shown), shown

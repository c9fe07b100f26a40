"""Every sentence for people is there in Dutch, with the same placeholders and marks.

The sentences are read from the code with ``ast``: it tells our ``text`` from SQLAlchemy's, and sees what is no literal.
"""

import ast
import io
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from string import Formatter
from typing import Any

import pytest
import regex
from babel.messages import Catalog
from babel.messages import Message as Entry
from babel.messages.pofile import read_po, write_po

from bot.domain.text import Text, text
from bot.texts import LOCALES, Texts
from handlers.commands import WORDS

ROOT = Path(__file__).parent.parent
ELSEWHERE = ("bot/sandbox/", "bot/migrations/")
"""The local Slack is not Slack, and migrations say nothing."""
SAYS_NO = {"Refused", "Verdict", "Rejected", "Unavailable", "NotNow", "OutcomeUnknown", "Unauthorized"}
TAKES_A_SENTENCE = {"t", "Text", *SAYS_NO}
"""Calls whose first argument is a sentence."""


# --- what the code says ------------------------------------------------------------------------------------------


def sources() -> Iterator[tuple[str, ast.Module]]:
    """The modules that speak to people, by path."""
    for package in ("bot", "handlers", "jobs"):
        for path in sorted((ROOT / package).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if not name.startswith(ELSEWHERE):
                yield name, ast.parse(path.read_text(encoding="utf-8"))


def sentence_arguments(tree: ast.Module) -> Iterator[tuple[ast.Call, list[ast.expr]]]:
    """The calls that take a sentence, each with the argument that is one; two for a plural."""
    takes = TAKES_A_SENTENCE | ({"text"} if imports_text(tree) else set())
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args:
            name = called(node)
            if name == "plural":
                yield node, node.args[:2]
            elif name in takes:
                yield node, node.args[:1]
        elif isinstance(node, ast.ClassDef) and any(isinstance(b, ast.Name) and b.id in SAYS_NO for b in node.bases):
            calls = (each for each in ast.walk(node) if isinstance(each, ast.Call) and each.args)
            yield from ((each, each.args[:1]) for each in calls if called(each) == "__init__")


def imports_text(tree: ast.Module) -> bool:
    """Whether `text` is ours here."""
    froms = (n for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module == "bot.domain.text")
    return any(alias.name == "text" for node in froms for alias in node.names)


def called(call: ast.Call) -> str:
    """The last part of the name that is called."""
    return getattr(call.func, "attr", "") or getattr(call.func, "id", "")


def sentences_in(tree: ast.Module) -> Iterator[str | tuple[str, str]]:
    """The sentences that a module says; a pair for a plural."""
    for _, arguments in sentence_arguments(tree):
        if len(arguments) == 2 and all(isinstance(a, ast.Constant) for a in arguments):
            one, many = (str(a.value) for a in arguments if isinstance(a, ast.Constant))
            yield one, many
        for each in arguments if len(arguments) == 1 else []:
            choices = [each.body, each.orelse] if isinstance(each, ast.IfExp) else [each]
            yield from (c.value for c in choices if isinstance(c, ast.Constant) and isinstance(c.value, str))


def said_in_the_code() -> Catalog:
    catalog = Catalog()
    for path, tree in sources():
        for sentence in sentences_in(tree):
            catalog.add(sentence, locations=[(path, 0)])
    return catalog


def entries(catalog: Catalog) -> list[Entry]:
    return [entry for entry in catalog if entry.id]


def forms(said: Any) -> tuple[str, ...]:
    """One sentence as a tuple of its forms."""
    return (said,) if isinstance(said, str) else tuple(said)


def as_po(missing: list[Entry]) -> str:
    """Entries as they stand in a catalogue, to be pasted there."""
    catalog, written = Catalog(locale="nl"), io.BytesIO()
    for entry in missing:
        catalog[entry.id] = Entry(entry.id, locations=entry.locations)
    write_po(written, catalog, width=0, omit_header=True, include_lineno=False)
    return written.getvalue().decode()


SAID = said_in_the_code()
with (LOCALES / "nl.po").open("rb") as po:
    DUTCH = read_po(po, locale="nl")


@pytest.mark.parametrize(
    ("source", "read"),
    [
        ('t("Claim")', ["Claim"]),
        ('desk.t("{n} left", n=3)', ["{n} left"]),
        ('self.desk.t.plural("{n} case", "{n} cases", n)', [("{n} case", "{n} cases")]),
        ('t("in two " "parts")', ["in two parts"]),
        ('t("Yes" if sure else "No")', ["Yes", "No"]),
        ('raise Refused("No.", agent=who)', ["No."]),
        ('base.Rejected("{host} says no.", host=h)', ["{host} says no."]),
        ('class Late(Verdict):\n def __init__(self): super().__init__("Later.")', ["Later."]),
        ('from bot.domain.text import text\nKINDS = {"video": text("video")}', ["video"]),
        ('from sqlalchemy import text\nWAITING = text("status = 1")', []),
        ("t(error.text)", []),
        ('class SlackDown(Exception):\n def __init__(self): super().__init__("unreachable")', []),
    ],
)
def test_every_way_to_say_something_is_read(source: str, read: list[Any]) -> None:
    assert list(sentences_in(ast.parse(source))) == read


def test_no_sentence_is_put_together_in_the_code() -> None:
    """A translator needs it whole: an f-string or a sum is in no catalogue."""
    whole = [
        f"{path}:{call.lineno}: {ast.unparse(argument)}"
        for path, tree in sources()
        for call, arguments in sentence_arguments(tree)
        for argument in arguments
        if isinstance(argument, ast.JoinedStr | ast.BinOp)
    ]
    assert not whole, "\n".join(whole)


def test_a_table_that_is_spoken_from_holds_marked_sentences() -> None:
    """`t(REASONS[…])` is only found when the table says `text("…")`."""
    for path, tree in sources():
        for call, arguments in sentence_arguments(tree):
            names = {n.id for a in arguments for n in ast.walk(a) if isinstance(n, ast.Name) and n.id.isupper()}
            for name in names:
                table = vars(import_module(path.removesuffix(".py").replace("/", ".")))[name]
                spoken = table.values() if isinstance(table, dict) else [table]
                assert all(isinstance(each, Text) for each in spoken), f"{path}:{call.lineno}: {name}"


# --- what the catalogue says -------------------------------------------------------------------------------------


def test_every_sentence_has_its_dutch() -> None:
    missing = []
    for entry in entries(SAID):
        kept = DUTCH.get(entry.id)
        if kept is None or kept.id != entry.id or kept.fuzzy or not all(forms(kept.string)):
            missing.append(entry)
    assert not missing, f"translate these in bot/locales/nl.po:\n\n{as_po(missing)}"


def test_the_catalogue_holds_nothing_that_is_no_longer_said() -> None:
    known = {entry.id for entry in entries(SAID)}
    gone = [entry.id for entry in entries(DUTCH) if entry.id not in known]
    assert not gone, "remove these from bot/locales/nl.po:\n" + "\n".join(map(str, gone))
    assert not DUTCH.obsolete


def placeholders(said: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(said) if name is not None}


def marks(said: str) -> Counter[str]:
    """Slack's marks and the signs: bold, code, bullets, emoji."""
    return Counter(regex.findall(r"[*`•⋯^]|\p{Emoji_Presentation}|⚠️", said))


def test_the_dutch_has_the_same_placeholders_and_marks() -> None:
    for entry in entries(DUTCH):
        for source, dutch in zip(forms(entry.id), forms(entry.string), strict=True):
            assert placeholders(dutch) == placeholders(source), dutch
            assert marks(dutch) == marks(source), dutch


def test_the_dutch_begins_and_ends_as_the_english_does() -> None:
    """Sentences are put next to each other: a full stop that is missing shows, and so does a space too many."""
    for entry in entries(DUTCH):
        for source, dutch in zip(forms(entry.id), forms(entry.string), strict=True):
            assert dutch == dutch.strip(), dutch
            assert source == source.strip(), source
            if source[-1] in ".:…":
                assert dutch[-1] in source[-1] + "?", dutch


def test_one_and_many_differ_in_dutch() -> None:
    dutch = Texts("nl", "Europe/Amsterdam")
    assert dutch.plural("*{n} case is waiting*", "*{n} cases are waiting*", 1) == "*Er wacht 1 zaak*"
    assert dutch.plural("*{n} case is waiting*", "*{n} cases are waiting*", 3) == "*Er wachten 3 zaken*"


def test_english_says_what_stands_in_the_code() -> None:
    english = Texts("en", "Europe/Amsterdam")
    for entry in entries(SAID):
        one, *many = forms(entry.id)
        assert english(one) == one
        if many:
            fills = dict.fromkeys({name for _, name, _, _ in Formatter().parse(one) if name} - {"n"}, "…")
            assert english.plural(one, many[0], 1, **fills) == one.format(n=1, **fills)
            assert english.plural(one, many[0], 2, **fills) == many[0].format(n=2, **fills)


@pytest.mark.parametrize("zone", ["Europe/Amsterdam", "America/Kralendijk"])
@pytest.mark.parametrize(
    ("at", "year"), [(datetime.min.replace(tzinfo=UTC), "1"), (datetime.max.replace(tzinfo=UTC), "9999")]
)
def test_the_first_and_the_last_moment_of_all_can_be_written_in_every_zone(zone: str, at: datetime, year: str) -> None:
    t = Texts("nl", zone)
    assert t.when(at, datetime.now(UTC)).split()[2] == t.moment(at).split()[2] == year
    assert t.day(at).endswith(f" {year}") and t.date(at).endswith(f" {year}") and ":" in t.time(at)


def test_dates_have_one_style_in_both_languages() -> None:
    """The day before the month, and the year in full: 11-12-26 says in English another day than in Dutch."""
    at, now = datetime(2026, 11, 24, 9, tzinfo=UTC), datetime(2027, 2, 1, 9, tzinfo=UTC)
    english, dutch = Texts("en", "Europe/Amsterdam"), Texts("nl", "Europe/Amsterdam")
    assert (english.date(at), dutch.date(at)) == ("Tuesday 24 November 2026", "dinsdag 24 november 2026")
    assert (english.day(at), dutch.day(at)) == ("24 Nov 2026", "24 nov 2026")
    assert (english.when(at, now), dutch.when(at, now)) == ("24 Nov 2026 10:00", "24 nov 2026 10:00")


def test_words_of_commands_are_in_the_language_of_the_sentence() -> None:
    """`/webcare mijn` means nothing to who reads English; each word that is named is understood."""
    english, dutch = {entry.id for entry in entries(DUTCH)}, {entry.string for entry in entries(DUTCH)}
    named = [
        {word for said in sentences for form in forms(said) for word in re.findall(r"`/webcare (\w+)", form)}
        for sentences in (english, dutch)
    ]
    assert all(words <= set(WORDS) for words in named), named
    assert not named[0] & {"mijn", "zoek", "dienst", "weg", "initialen", "instellingen"}
    assert not named[1] & {"mine", "search", "duty", "away", "initials", "settings"}


def test_dutch_has_one_kind_of_quotes_and_full_stops() -> None:
    """Typewriter quotes, also in names; of two sentences each ends in a full stop."""
    said = [form for entry in entries(DUTCH) for form in forms(entry.string)]
    assert not [form for form in said if re.search('[“”‘’";]', form)]


@pytest.mark.parametrize(
    "word",
    [
        "draad",
        "dagbericht",
        "spoed",
        "hoogstens",
        "hooguit",
        "werkminuten",
        "werkuur",
        "werkuren",
        "ten minste",
        "tenminste",
        "medewerker",
        "belofte",
        "beloofd",
        "gesloten door",
        "werkruimte",
        "geheim",
    ],
)
def test_dutch_has_one_word_for_one_thing(word: str) -> None:
    """Thread, dagoverzicht, dringend, maximaal, minuten en uur werktijd, minstens, collega, toezegging, afgesloten …"""
    said = [form for entry in entries(DUTCH) for form in forms(entry.string)]
    assert not [form for form in said if re.search(rf"\b{word}", form, re.IGNORECASE)]


CHOSEN = {
    "nl": [
        "Te laat – {what}: uiterlijk {time}",
        "Bijna te laat – {what}: uiterlijk {time}",
        "{what}: uiterlijk {time}",
        "Afgesloten door {agent} ({time}): {reason}",
        "{agent} heeft deze zaak afgesloten. Heropen die eerst.",
        "Afgesloten zonder antwoord: {n}",
        "Onderwerpen en redenen om af te sluiten",
        "Wordt zo verstuurd – het antwoord van {agent} gaat om {time} uit",
        "🔒 Privé: alleen {name} kan dit lezen.",
        "Standaardtekst invoegen (komt boven je eigen tekst):",
        "Deze letters komen onder je antwoorden (^{initials}). We vragen dit één keer. "
        "Collega's kunnen niet dezelfde kiezen.",
        "Wanneer hoort de burger uiterlijk meer? Je krijgt vooraf een herinnering.",
        "Toegezegd: uiterlijk",
        "Terug naar de wachtrij",
        "Deze zaak is al bij {agent}.",
        "Kies aan wie je het vraagt: één collega, groep of kanaal.",
        "Wie je vraagt, ziet ook het bericht van de burger. Die hoeft niet in het webcareteam te zitten.",
        "antwoord klaargezet",
        "antwoord ingetrokken",
        "vastgelegd of het antwoord is geplaatst",
        "Er gebeurde niets met deze zaak. Daarom staat die weer in de wachtrij.",
        "{names} Dringend – nog niemand heeft deze zaak opgepakt.",
        "Toezeggingen voor vandaag",
        "Stand om {time}:",
        "{count} korter dan {n} uur",
        "{count} langer",
        "(vorige periode: {n})",
        "Ontvangen",
        "Delen in kanaal",
        "Je kijkt alleen mee. Een coördinator kan je rechten geven om te antwoorden.",
        "Er is nog geen coördinator. …",
        "Je hebt dienst. In herinneringen over zaken van niemand noemen we jou, tot je /webcare dienst uit typt.",
        "Je status in Slack is afwezig of 'niet storen'. Herinneringen gaan zolang naar je collega's.",
        "Eén stap per regel: percentage van de norm, wie bericht krijgt en eventueel een eigen tekst. …",
        "Kanaal voor zaken die veel te laat zijn",
        "Bijvoorbeeld 09:00. Leeg betekent: bij opening.",
        "Schrijf de tijd zo: 09:00.",
        "In minuten werktijd. Zaken die al lopen, houden hun norm.",
        "… geef met webcare accounts renew NAAM een nieuw token op.",
        "Toegestane ondertekening: {methods}.",
        "↩️ Teruggezet.",
    ],
    "en": [
        "Mentions received: {n}",
        "(previous: {n})",
        "… We ask once; no colleague can use the same.",
        "You are on duty. You're mentioned in reminders about unclaimed cases …",
        "You have read-only access. …",
    ],
}
"""Sentences whose words were chosen with care, without bold and code. … stands for what comes before or after."""


@pytest.mark.parametrize(("language", "sentence"), [(name, each) for name, some in CHOSEN.items() for each in some])
def test_words_that_were_chosen_with_care_are_said_so(language: str, sentence: str) -> None:
    said = {re.sub("[*`]", "", form) for e in entries(DUTCH) for form in forms(e.string if language == "nl" else e.id)}
    pattern = re.compile(".*".join(re.escape(part) for part in sentence.split("…")))
    assert any(pattern.fullmatch(form) for form in said), sentence


def test_a_sentence_in_no_catalogue_is_said_in_english() -> None:
    """A problem kept in the database by an older version may no longer be in the catalogue."""
    kept = text("{host} said this in an older version.", host="example.nl").to_json()
    assert Texts("nl", "Europe/Amsterdam").stored(kept) == "example.nl said this in an older version."

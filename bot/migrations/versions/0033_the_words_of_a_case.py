"""The words by which a case is found, with the full-text index of the database

Words are folded as bot/domain/words.py does it: for both databases alike, without an extension of PostgreSQL that its
owner may not be allowed to make, and so that neither database has its own opinion of what a word is.
"""

import re
import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

BATCH = 2_000
ALIKE = str.maketrans(
    {"ı": "i", "ł": "l", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ħ": "h", "ŧ": "t"}
)
WORD = re.compile(r"[^\W_]+")
CAMEL = re.compile(r"(?<=[^\W\d_A-Z])(?=[A-Z])")

AUTHORS = sa.text(
    "SELECT cases.id, authors.name, authors.handle FROM cases JOIN authors ON authors.id = cases.author_id "
    "WHERE cases.id > :after ORDER BY cases.id LIMIT :batch"
)
TEXTS = sa.text(
    "SELECT case_id, text FROM mentions WHERE gone_at IS NULL AND case_id > :after AND case_id <= :last "
    "UNION ALL SELECT case_id, text FROM replies WHERE status <> 'withdrawn' AND case_id > :after AND case_id <= :last "
    "UNION ALL SELECT case_id, text FROM notes WHERE deleted_at IS NULL AND case_id > :after AND case_id <= :last"
)
INSERT = sa.text("INSERT INTO case_words (case_id, names, words) VALUES (:case_id, :names, :words)")

# FTS5 only splits at spaces: "ascii" takes every letter outside ASCII as part of a word. It reads the words from
# case_words (an "external content table", https://www.sqlite.org/fts5.html) and is told of each change by a trigger.
FTS5 = (
    "CREATE VIRTUAL TABLE case_words_fts USING fts5(names, words, content='case_words', content_rowid='case_id', "
    "detail=none, tokenize='ascii')",
    "CREATE TRIGGER case_words_added AFTER INSERT ON case_words BEGIN "
    "INSERT INTO case_words_fts (rowid, names, words) VALUES (new.case_id, new.names, new.words); END",
    "CREATE TRIGGER case_words_deleted AFTER DELETE ON case_words BEGIN "
    "INSERT INTO case_words_fts (case_words_fts, rowid, names, words) "
    "VALUES ('delete', old.case_id, old.names, old.words); END",
    "CREATE TRIGGER case_words_changed AFTER UPDATE ON case_words BEGIN "
    "INSERT INTO case_words_fts (case_words_fts, rowid, names, words) "
    "VALUES ('delete', old.case_id, old.names, old.words); "
    "INSERT INTO case_words_fts (rowid, names, words) VALUES (new.case_id, new.names, new.words); END",
)
GIN = (
    "CREATE INDEX ix_case_words ON case_words "
    "USING gin (array_to_tsvector(string_to_array(btrim(names || ' ' || words), ' ')))"
)


def upgrade() -> None:
    op.create_table(
        "case_words",
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("names", sa.String(), nullable=False),
        sa.Column("words", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"]),
        sa.PrimaryKeyConstraint("case_id"),
    )
    for batch in _batches(op.get_bind()):
        op.get_bind().execute(INSERT, batch)
    if op.get_bind().dialect.name == "postgresql":
        op.execute(GIN)
        return
    for statement in FTS5:
        op.execute(statement)
    op.execute("INSERT INTO case_words_fts (case_words_fts) VALUES ('rebuild')")


def _batches(connection):
    after = 0
    while found := connection.execute(AUTHORS, {"after": after, "batch": BATCH}).all():
        last = found[-1].id
        texts = {}
        for case_id, text in connection.execute(TEXTS, {"after": after, "last": last}):
            texts.setdefault(case_id, []).append(text)
        yield [
            {
                "case_id": case_id,
                "names": _words((name, handle, CAMEL.sub(" ", handle))),
                "words": _words(texts.get(case_id, ())),
            }
            for case_id, name, handle in found
        ]
        after = last


def _words(texts):
    return " ".join(sorted({word for text in texts for word in _folded(text)})[:5_000])


def _folded(text):
    if not text.isascii():
        plain = unicodedata.normalize("NFKD", text).casefold()
        text = "".join(letter for letter in plain if not unicodedata.combining(letter)).translate(ALIKE)
    return [word[:40] for word in WORD.findall(text.casefold())]


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TABLE case_words_fts")
    op.drop_table("case_words")

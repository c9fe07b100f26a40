"""The search words of cases."""

from sqlmodel import Field, SQLModel


class CaseWords(SQLModel, table=True):
    """The search words of a case (`domain/words.py`): from its author's names, and from what was written in it.

    A migration makes the database's own full-text index of these, which follows each change of a row.
    """

    __tablename__ = "case_words"
    case_id: int = Field(primary_key=True, foreign_key="cases.id")
    names: str = ""
    words: str = ""

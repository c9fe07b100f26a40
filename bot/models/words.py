"""The words by which a case is found."""

from sqlmodel import Field, SQLModel


class CaseWords(SQLModel, table=True):
    """The words by which a case is found (`domain/words.py`): of its author's names, and of what was written in it.

    The databases' own full-text index of these is made by a migration, and follows each change of a row.
    """

    __tablename__ = "case_words"
    case_id: int = Field(primary_key=True, foreign_key="cases.id")
    names: str = ""
    words: str = ""

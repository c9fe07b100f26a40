"""Encrypts platform tokens in the database with WEBCARE_SECRET_KEY (Fernet: AES-128-CBC with HMAC-SHA256)."""

import json
from collections.abc import Mapping

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from bot.config import BadSettings

NO_KEY = "WEBCARE_SECRET_KEY is not set: run `webcare key` once, which creates a key and writes it into .env."
BAD_KEY = (
    "WEBCARE_SECRET_KEY is not a valid key: it must be one that `webcare key` created, 44 characters ending in '='."
)
LOST_KEY = (
    "WEBCARE_SECRET_KEY is not set, but the tokens in the database are encrypted with a key: restore that key "
    "(in .env or the environment). If it is lost, make a new one with `webcare key --lost`."
)
WRONG_KEY = (
    "WEBCARE_SECRET_KEY cannot decrypt the tokens in the database: restore the key that was used before "
    "(in .env or the environment). If it is lost, give each account new tokens with `webcare accounts renew NAME`, "
    "or stop or remove it."
)


class Unopened(BadSettings):
    """The key does not fit, or there is none: what is encrypted cannot be opened."""


def new_key() -> str:
    """Return a new key for WEBCARE_SECRET_KEY."""
    return Fernet.generate_key().decode()


def _fernet(secret_key: str) -> MultiFernet:
    keys = [key.strip() for key in secret_key.split(",") if key.strip()]
    if not keys:
        raise BadSettings(NO_KEY)
    try:
        return MultiFernet([Fernet(key) for key in keys])
    except ValueError:
        raise BadSettings(BAD_KEY) from None


def refuse_malformed(secret_key: str) -> None:
    """Raise BadSettings when a key is set that is not valid. No key at all is fine while there are no tokens."""
    if secret_key.strip():
        _fernet(secret_key)


def refuse_missing(secret_key: str) -> None:
    """Raise BadSettings when there is no key, or one that is not valid."""
    _fernet(secret_key)


def seal(secrets: Mapping[str, str], secret_key: str) -> bytes:
    """Encrypt an account's secrets; raises BadSettings without a valid key. Without secrets no key is needed."""
    return _fernet(secret_key).encrypt(json.dumps(dict(secrets)).encode()) if secrets else b""


def is_current(sealed: bytes, secret_key: str) -> bool:
    """Tell whether something is encrypted with the first key, and so needs none of the others."""
    if not sealed:
        return True
    first = next((key for key in secret_key.split(",") if key.strip()), "")
    try:
        _fernet(first).decrypt(sealed)
    except InvalidToken:
        return False
    return True


def resealed(sealed: bytes, secret_key: str) -> bytes:
    """Return the same secrets, encrypted with the first key; raises Unopened when no key fits."""
    opened = unseal(sealed, secret_key)
    return sealed if is_current(sealed, secret_key) else seal(opened, secret_key)


def unseal(sealed: bytes, secret_key: str) -> dict[str, str]:
    """Decrypt the result of `seal`; raises Unopened when the key does not fit."""
    if not sealed:
        return {}
    if not secret_key.strip():
        raise Unopened(LOST_KEY)
    try:
        opened: dict[str, str] = json.loads(_fernet(secret_key).decrypt(sealed))
    except InvalidToken:
        raise Unopened(WRONG_KEY) from None
    return opened

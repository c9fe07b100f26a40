"""Platform tokens at rest: encrypted in the database with WEBCARE_SECRET_KEY (Fernet: AES-128-CBC with HMAC-SHA256)."""

import json
from collections.abc import Mapping

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from bot.config import BadSettings

NO_KEY = "WEBCARE_SECRET_KEY is not set: run `webcare key` once, which makes one and writes it into .env."
BAD_KEY = "WEBCARE_SECRET_KEY is not a key of ours: it must be what `webcare key` made, 44 characters ending in '='."
LOST_KEY = (
    "WEBCARE_SECRET_KEY is not set, but the database holds tokens encrypted with one: restore that key "
    "(in .env or the environment)."
)
WRONG_KEY = (
    "WEBCARE_SECRET_KEY does not fit the tokens stored in the database: restore the key that was used before "
    "(in .env or the environment), or remove the accounts and add them again."
)


def new_key() -> str:
    """Return a fresh key for WEBCARE_SECRET_KEY."""
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
    """Raise BadSettings when a key is set that is none of ours; that there is none may be right."""
    if secret_key.strip():
        _fernet(secret_key)


def seal(secrets: Mapping[str, str], secret_key: str) -> bytes:
    """Encrypt an account's secrets; raises BadSettings without a good key. No secrets need no key."""
    return _fernet(secret_key).encrypt(json.dumps(dict(secrets)).encode()) if secrets else b""


def unseal(sealed: bytes, secret_key: str) -> dict[str, str]:
    """Decrypt what `seal` made; raises BadSettings when the key does not fit."""
    if not sealed:
        return {}
    if not secret_key.strip():
        raise BadSettings(LOST_KEY)
    try:
        opened: dict[str, str] = json.loads(_fernet(secret_key).decrypt(sealed))
    except InvalidToken:
        raise BadSettings(WRONG_KEY) from None
    return opened

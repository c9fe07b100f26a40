"""Who sent a request, and our own signature under what we send.

Signatures are Standard Webhooks (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md:
HMAC-SHA256 of `id.timestamp.body` with the base64 key after `whsec_`), X-Hub-Signature-256 (HMAC-SHA256 of the raw body
with the whole secret as text, see https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries), or
a secret in the address for suites that cannot sign. The last two do not prove when a request was made: an eavesdropper
can repeat it. With X-Hub-Signature-256 they cannot change it; with a secret in the address they can.

Secrets: signing_secret, url_token, and each with `_old` while it is being replaced.
"""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping

from standardwebhooks.webhooks import Webhook as Signature

from bot.connectors.base import Account, NotSigned
from bot.domain.text import text
from bot.steady_clock import steady_now

METHODS = {
    "standard": "Standard Webhooks (webhook-id, webhook-timestamp, webhook-signature)",
    "hub": "X-Hub-Signature-256",
    "token": "/in/<source>?token=<token>",
}
BY_DEFAULT = ("standard", "hub")
TOLERANCE = 300
"""Seconds that a sender's clock may differ from ours, as in the package standardwebhooks."""
LEAST_KEY_BYTES = 24
"""The minimum length of a key in the specification."""


def new_secret() -> str:
    """Return a new signing secret of 32 random bytes, in the notation of Standard Webhooks."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def new_token() -> str:
    """Return a new secret for the address of a source that cannot sign."""
    return secrets.token_urlsafe(32)


def verify(account: Account, headers: Mapping[str, str], body: bytes, *, token: str | None) -> None:
    """Check by a method that the source accepts that it sent these bytes; raises NotSigned otherwise.

    `token` is the token in the address, if any. No content of a request raises any other error.
    """
    methods = accepted(account)
    sent = {name.lower(): value for name, value in headers.items()}
    refusals = []
    for method in methods:
        try:
            if method == "standard" and "webhook-signature" in sent:
                return _verify_standard(current(account, "signing_secret"), sent, body)
            if method == "hub" and "x-hub-signature-256" in sent:
                return _verify_hub(current(account, "signing_secret"), sent["x-hub-signature-256"], body)
            if method == "token" and token:
                return _verify_token(current(account, "url_token"), token)
        except NotSigned as refusal:
            refusals.append(refusal)
    if refusals:
        raise refusals[0]
    listed = ", ".join(METHODS[method] for method in methods)
    raise NotSigned(text("The request is not signed. This source accepts: {methods}.", methods=listed or "-"))


def accepted(account: Account) -> list[str]:
    """Return the methods by which this source may prove itself."""
    wanted = account.options.get("accept", BY_DEFAULT)
    return [method for method in METHODS if method in wanted]


def current(account: Account, name: str) -> list[str]:
    """Return the secrets of this name that are valid now: the new one, then the one being replaced."""
    return [account.secrets[key] for key in (name, f"{name}_old") if account.secrets.get(key)]


def _verify_standard(keys: list[str], headers: dict[str, str], body: bytes) -> None:
    # The package reads the time as a float, so it would accept "01" and " 1" for the signed "1".
    sent_at = headers.get("webhook-timestamp", "")
    if not re.fullmatch(r"[1-9][0-9]{0,11}", sent_at):
        raise NotSigned(text("webhook-timestamp must be whole seconds since 1970."))
    if abs(steady_now().timestamp() - int(sent_at)) > TOLERANCE:
        raise NotSigned(text("webhook-timestamp differs more than five minutes from our clock; set the sender's."))
    expected = [_standard_signature(key, headers.get("webhook-id", ""), sent_at, body) for key in keys if key_in(key)]
    sent = [signature.partition(",") for signature in headers["webhook-signature"].split(" ")]
    if any(version == "v1" and _equal(value, each) for version, _, value in sent for each in expected):
        return
    raise NotSigned(text("webhook-signature does not match this body and the signing secret of this source."))


def _standard_signature(secret: str, id: str, sent_at: str, body: bytes) -> str:
    # Not with the package, which first reads the body as UTF-8: other bytes may be signed too.
    signed = f"{id}.{sent_at}.".encode("utf-8", "surrogatepass") + body
    return base64.b64encode(hmac.new(key_in(secret), signed, hashlib.sha256).digest()).decode()


def _verify_hub(keys: list[str], signature: str, body: bytes) -> None:
    sent = signature.strip().lower()
    if not any(_equal(sent, _hub_signature(key, body)) for key in keys):
        raise NotSigned(text("X-Hub-Signature-256 does not match this body and the signing secret of this source."))


def _verify_token(tokens: list[str], sent: str) -> None:
    if not any(_equal(sent, token) for token in tokens):
        raise NotSigned(text("The token in the address is not the one of this source."))


def _hub_signature(key: str, body: bytes) -> str:
    return "sha256=" + hmac.new(key.encode(), body, hashlib.sha256).hexdigest()


def _equal(sent: str, expected: str) -> bool:
    return hmac.compare_digest(sent.encode("utf-8", "surrogatepass"), expected.encode("utf-8", "surrogatepass"))


def signed(keys: list[str], id: str, body: str) -> dict[str, str]:
    """Return the headers of both signatures; that of Standard Webhooks signs with each current key."""
    now = steady_now()
    return {
        "webhook-id": id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(Signature(key).sign(id, now, body) for key in keys),
        "X-Hub-Signature-256": _hub_signature(keys[0], body.encode()),
    }


def key_in(secret: str) -> bytes:
    """Return the key in a secret by the rules of Standard Webhooks, b"" when it is unreadable."""
    key = secret.removeprefix("whsec_").rstrip("=")
    try:
        return base64.b64decode(key + "=" * (-len(key) % 4), validate=True)
    except ValueError:
        return b""

"""Check a source's settings without calling it."""

from bot.connectors import http
from bot.connectors.base import Account
from bot.connectors.webhook.mentions import FIELDS, zone
from bot.connectors.webhook.signing import LEAST_KEY_BYTES, METHODS, accepted, current, key_in
from bot.domain.payload import BadPayload
from bot.domain.text import Text, text


def check_settings(account: Account) -> tuple[list[Text], list[Text]]:
    """Return what works and what cannot work, with a repair for each problem."""
    options, methods = account.options, accepted(account)
    working, problems = [], []
    if account.address:
        working.append(text("Send mentions to {address}.", address=account.address))
    if methods:
        working.append(text("Signatures that are accepted: {methods}.", methods=", ".join(METHODS[m] for m in methods)))
    else:
        problems.append(text("No request can be accepted: set accept to standard, hub or token."))
    if {"standard", "hub"} & set(methods) and not account.secrets.get("signing_secret"):
        problems.append(text("There is no signing_secret; make one and give it to the source."))
    if "standard" in methods or options.get("callback_url"):
        keys = current(account, "signing_secret")
        if any(len(key_in(key)) < LEAST_KEY_BYTES for key in keys):
            problems.append(text("The signing secret is not one of Standard Webhooks (whsec_…, 24 bytes or more)."))
    if http.is_readable_on_its_way(str(options.get("callback_url", ""))):
        problems.append(text("The callback is not https, so that replies could be read on their way; make it so."))
    if "token" in methods and len(account.secrets.get("url_token", "")) < LEAST_KEY_BYTES:
        problems.append(text("The url_token is missing or shorter than 24 characters; make a longer one."))
    for field in sorted(set(options.get("mapping", {})) - FIELDS):
        problems.append(text("The mapping has a field that a mention does not have: {field}", field=field))
    try:
        zone(options)
    except BadPayload as unknown:
        problems.append(unknown.text)
    return working, problems

"""The lines shown after a webhook source was added: how to call us, and a mention that a shell can send at once."""

import json
import shlex
from collections.abc import Mapping
from typing import Any

from bot.connectors.base import Account

SAMPLE = {"id": "example-1", "text": "Wanneer wordt mijn straat geveegd?", "author.name": "Jan"}


def first_steps(account: Account) -> tuple[str, ...]:
    """Return where to send mentions, the secrets (only this time), and an example that works when it is pasted."""
    secret, token = account.secrets.get("signing_secret", ""), account.secrets.get("url_token")
    methods = account.options.get("accept", ["standard"])
    with_token = f"{account.address}?token={token}"
    lines = [f"Send mentions to: {account.address}"]
    if token:
        lines.append(f"Without a signature, to: {with_token}")
    if methods != ["token"]:
        lines.append(f"Signing secret, shown this once: {secret}")
    where = with_token if methods == ["token"] else account.address
    example = _example(methods[0], where, secret, _sample(account.options.get("mapping", {})))
    return (*lines, "Try it while the bot runs:", "", *(f"  {line}" for line in example))


def _sample(mapping: Mapping[str, str | None]) -> str:
    """Return a mention as this source would write it, in JSON."""
    body: dict[str, Any] = {}
    for ours, value in SAMPLE.items():
        *parents, last = (mapping.get(ours, ours) or "").split(".")
        inside = body
        for part in parents:
            inside = inside.setdefault(part, {})
        if last:
            inside[last] = value
    return json.dumps(body, ensure_ascii=False)


def _example(method: str, where: str, secret: str, body: str) -> list[str]:
    post = f"curl {shlex.quote(where)} -H 'Content-Type: application/json' -d \"$BODY\""
    given = [f"BODY={shlex.quote(body)}", f"SECRET={shlex.quote(secret)}"]
    match method:
        case "standard":
            return [
                *given,
                "ID=msg_$(openssl rand -hex 8); TIME=$(date +%s)",
                "KEY=$(printf %s \"${SECRET#whsec_}\" | openssl base64 -d -A | od -An -v -tx1 | tr -d ' \\n')",
                'SIGN=$(printf %s "$ID.$TIME.$BODY" | openssl dgst -sha256 -mac HMAC -macopt hexkey:$KEY -binary'
                " | openssl base64 -A)",
                f'{post} -H "webhook-id: $ID" -H "webhook-timestamp: $TIME" -H "webhook-signature: v1,$SIGN"',
            ]
        case "hub":
            return [
                *given,
                'SIGN=$(printf %s "$BODY" | openssl dgst -sha256 -hmac "$SECRET" -r | cut -d" " -f1)',
                f'{post} -H "X-Hub-Signature-256: sha256=$SIGN"',
            ]
        case _:
            return [given[0], post]

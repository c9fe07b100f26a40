"""The extract of Meta's OpenAPI file that WhatsApp's fake and payloads are held to, and how it was made.

`uv run --with pyyaml python -m tests.connectors.whatsapp.openapi business-messaging-api_v23.0.yaml` makes it anew
from a checkout of https://github.com/facebook/openapi.

The file mixes up definitions of the same name: it numbers them, and refers to each by the name without the number. It
says less than the documentation of 2026 does. Both are mended here, and told of in the extract.
"""

import json
import sys
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.fakes.openapi import Json, OpenApi, refs, without_words

STORED = Path(__file__).parent / "openapi.json"
OPERATIONS = (
    "POST /{Version}/{Phone-Number-ID}/messages", "GET /{Version}/{WABA-ID}/phone_numbers",
    "GET /{Version}/{WABA-ID}/subscribed_apps", "POST /{Version}/{WABA-ID}/subscribed_apps",
    "GET /{Version}/{WABA-ID}/message_templates", "POST /{Version}/{Phone-Number-ID}/media",
)  # fmt: skip
"""What the connector uses."""
SENT = {
    "text": "TextMessage", "image": "ImageMessage", "template": "TemplateMessage", "reaction": "ReactionMessage",
}  # fmt: skip
"""The kinds of messages that the connector sends."""
INCOMING = {
    "text": "TextMessage_2", "reaction": "ReactionMessage_1", "audio": "AudioMessage_1",
    "document": "DocumentMessage_1", "image": "ImageMessage_1", "sticker": "StickerMessage_1",
    "video": "VideoMessage_1", "location": "LocationMessage_1", "contacts": "ContactSharingMessage",
    "unsupported": "UnsupportedMessage", "unknown": "UnsupportedMessage", "button": "ButtonMessage",
    "interactive": "InteractiveMessageReply", "order": "OrderMessage", "edit": "EditMessage", "revoke": "RevokeMessage",
}  # fmt: skip
OF_INCOMING = {
    "BaseMessageProperties": "BaseMessageProperties_1", "ContactObject": "ContactObject_1",
    "ErrorObject": "ErrorObject_2",
}  # fmt: skip
TWINS = {
    "SubscribedAppsResponse": {"SubscribedApp": "SubscribedApp_1"},
    "SubscribedApp_1": {"WhatsAppBusinessApiData": "WhatsAppBusinessApiData_1"},
    "WhatsAppBusinessAccountPhoneNumber": {
        "WhatsAppPhoneNumberQualityRating": "WhatsAppPhoneNumberQualityRating_1",
        "WhatsAppCodeVerificationStatus": "WhatsAppCodeVerificationStatus_1",
        "WhatsAppBusinessSandboxEligibility": "WhatsAppBusinessSandboxEligibility_1",
    },
    **dict.fromkeys(INCOMING.values(), OF_INCOMING),
}
"""In each definition, what is meant by the names that it refers to."""
DOCS = "https://developers.facebook.com/documentation/business-messaging/whatsapp"
TEXT: Json = {"type": "string"}


@cache
def stored() -> OpenApi:
    """Return the extract."""
    return OpenApi(STORED)


def _mended(schemas: dict[str, Any]) -> None:
    """Let each definition refer to what it means."""
    for name, twins in TWINS.items():
        if name in schemas:
            text = json.dumps(schemas[name])
            for wrong, right in twins.items():
                text = text.replace(f'schemas/{wrong}"', f'schemas/{right}"')
            schemas[name] = json.loads(text)
    for union, kinds in (("Message", SENT), ("IncomingMessage", INCOMING)):
        mapping = {kind: f"#/components/schemas/{name}" for kind, name in kinds.items()}
        schemas[union] = {"oneOf": [], "discriminator": {"propertyName": "type", "mapping": mapping}}
    value = schemas["Change"]["properties"]["value"]
    value["oneOf"] = [each for each in value["oneOf"] if not each["$ref"].endswith("/GroupValue")]
    interactive = _own(schemas, "InteractiveMessageReply")["interactive"]["properties"]
    interactive["list_reply"] = schemas["InteractiveListReplyContent"]["properties"]["list_reply"]
    interactive["button_reply"] = schemas["InteractiveButtonReplyContent"]["properties"]["button_reply"]


def _with_what_is_documented(schemas: dict[str, Any]) -> None:
    """Add what the documentation of 2026 says and the file does not."""
    sends, base = schemas["BaseMessageProperties"], schemas["BaseMessageProperties_1"]
    sends["properties"] |= {"biz_opaque_callback_data": {**TEXT, "maxLength": 512}, "recipient": TEXT}
    sends["required"].remove("to")
    base["properties"] |= {"from_user_id": TEXT, "referral": {"$ref": "#/components/schemas/ReferralObject"}}
    base["properties"]["context"] = {"$ref": "#/components/schemas/ContextObject"}
    base["required"].remove("from")
    schemas["ContextObject"]["properties"] |= {"forwarded": {"type": "boolean"}}
    schemas["ContextObject"]["required"] = []
    schemas["ContactProfile"]["properties"] |= {"user_id": TEXT}
    schemas["ContactProfile"]["properties"]["profile"]["properties"] |= {"username": TEXT}
    schemas["Statuses"]["properties"] |= {"biz_opaque_callback_data": TEXT, "recipient_user_id": TEXT}
    schemas["Statuses"]["properties"]["status"]["enum"].append("played")
    schemas["Statuses"]["required"].remove("recipient_id")
    schemas["MediaObject"]["oneOf"][0]["properties"] |= {"caption": {**TEXT, "maxLength": 1024}}
    schemas["WhatsAppPhoneNumberStatus"]["enum"] += ["CONNECTED", "FLAGGED"]
    _own(schemas, "LocationMessage_1")["location"]["required"] = ["latitude", "longitude"]
    _own(schemas, "ReactionMessage_1")["reaction"]["required"] = ["message_id"]
    file = _own(schemas, "DocumentMessage_1")["document"]["allOf"][1]
    file["properties"] |= {"caption": TEXT}
    system = _own(schemas, "SystemMessage")["system"]
    system["properties"] |= {"user_id": TEXT, "previous_user_id": TEXT}
    system["properties"]["type"]["enum"].append("user_changed_user_id")
    _own(schemas, "UnsupportedMessage")["unsupported"] = {"type": "object", "properties": {"type": TEXT}}
    schemas["SystemMessage"]["allOf"][0] = {"$ref": "#/components/schemas/BaseMessageProperties_1"}
    inner = {"type": "object", "properties": {"type": TEXT, "text": _own(schemas, "TextMessage_2")["text"],
             "image": _own(schemas, "ImageMessage_1")["image"], "context": base["properties"]["context"]}}  # fmt: skip
    for kind, name, more in (("edit", "EditMessage", {"message": inner}), ("revoke", "RevokeMessage", {})):
        told = {"type": "object", "properties": {"original_message_id": TEXT, **more},
                "required": ["original_message_id", *more]}  # fmt: skip
        own = {"type": "object", "properties": {"type": {**TEXT, "enum": [kind]}, kind: told}, "required": [kind]}
        schemas[name] = {"allOf": [{"$ref": "#/components/schemas/BaseMessageProperties_1"}, own]}


def _own(schemas: dict[str, Any], name: str) -> Json:
    """Return the properties that a kind of message has besides the common ones."""
    found: Json = schemas[name]["allOf"][1]["properties"]
    return found


def _operation(given: Json, name: str) -> Json:
    method, _, path = name.partition(" ")
    operation = given["paths"][path][method.lower()]
    query = {each["name"]: each["schema"] for each in operation.get("parameters", ()) if each.get("in") == "query"}
    made = {"query": query, "answer": _json(operation["responses"].get("200") or operation["responses"][200])}
    return made | ({"body": _json(operation["requestBody"])} if "requestBody" in operation else {})


def _json(described: Json) -> Json:
    schema: Json = described["content"]["application/json"]["schema"]
    return schema


def extract(given: Json) -> Json:
    """Return what the tests need of the file."""
    schemas: dict[str, Any] = given["components"]["schemas"]
    _mended(schemas)
    _with_what_is_documented(schemas)
    operations = {name: without_words(_operation(given, name)) for name in OPERATIONS}
    media = operations["POST /{Version}/{Phone-Number-ID}/media"]["body"]
    media["properties"] |= {"type": TEXT}
    media["required"] = ["file", "messaging_product", "type"]
    templates = operations["GET /{Version}/{WABA-ID}/message_templates"]
    templates["query"] |= {"limit": {"type": "integer"}, "after": TEXT}
    each = templates["answer"]["properties"]["data"]["items"]["properties"]
    each |= {"previous_category": TEXT, "parameter_format": TEXT}
    each["components"]["items"]["properties"]["buttons"]["items"]["properties"] |= {"url": TEXT, "phone_number": TEXT}
    found: dict[str, Json] = {}
    waiting = ["WebhookPayload", *refs(operations)]
    while waiting:
        if (name := waiting.pop()) not in found:
            found[name] = without_words(schemas[name])
            waiting += refs(found[name])
    return {"operations": operations, "schemas": dict(sorted(found.items()))}


HEAD = {
    "source": "business-messaging-api_v23.0.yaml of https://github.com/facebook/openapi, 21 November 2025",
    "licence": "MIT, see openapi.LICENSE.txt",
    "changed": "Without words and examples, and mended and added to by openapi.py beside it: definitions of "
    "one name are told apart, messages that the connector does not send are left out, and what the documentation of "
    f"2026 has is added ({DOCS}/business-scoped-user-ids, {DOCS}/webhooks/reference/messages): ids without numbers, "
    "edits and removals, what a message was that is not passed on, biz_opaque_callback_data, the type of a "
    "file that is given, the words under an image, and fields that may be missing.",
}

if __name__ == "__main__":
    read = import_module("yaml").safe_load(Path(sys.argv[1]).read_text("utf-8"))
    made = extract(read)
    parts = [f' "{key}": {json.dumps(value)}' for key, value in HEAD.items()]
    for key, values in made.items():
        lines = ",\n".join(f'  "{k}": {json.dumps(v, separators=(",", ":"))}' for k, v in values.items())
        parts.append(f' "{key}": {{\n{lines}\n }}')
    STORED.write_text("{\n" + ",\n".join(parts) + "\n}\n", "utf-8")

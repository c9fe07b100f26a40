"""What an id of Slack's names, by its first letter (https://docs.slack.dev/reference/objects/conversation-object)."""


def is_person(slack_id: str) -> bool:
    """Tell whether an id is that of a person."""
    return slack_id.startswith(("U", "W"))


def is_channel(slack_id: str) -> bool:
    """Tell whether an id is that of a channel, public or private, and not of a direct message."""
    return slack_id.startswith(("C", "G"))

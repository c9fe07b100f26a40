"""The auth.*, users.*, usergroups.*, dnd.*, bots.* and apps.* methods.

https://docs.slack.dev/reference/methods/users.info and its siblings
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from bot.sandbox.slack.api_method import Json, Method, SlackError, flag, page, required
from bot.sandbox.slack.workspace import Person, UserGroup, Workspace


def auth_test(workspace: Workspace, args: Json) -> Json:
    """The app whose token this is."""
    return {
        "url": f"https://{workspace.domain}.slack.com/",
        "team": workspace.team_name,
        "team_id": workspace.team_id,
        "user": workspace.app.name,
        "user_id": workspace.app.user_id,
        "bot_id": workspace.app.bot_id,
        "is_enterprise_install": False,
    }


def connections_open(workspace: Workspace, args: Json) -> Json:
    """An address for one Socket Mode connection."""
    base = workspace.base_url.replace("http://", "ws://", 1)
    return {"url": f"{base}/socket?ticket={secrets.token_hex(16)}&app_id={workspace.app.id}"}


def bots_info(workspace: Workspace, args: Json) -> Json:
    """The description of a bot."""
    app = workspace.app
    if args.get("bot") != app.bot_id:
        raise SlackError("bot_not_found")
    return {
        "bot": {
            "id": app.bot_id,
            "deleted": False,
            "name": app.name,
            "app_id": app.id,
            "user_id": app.user_id,
            "icons": {},
        }
    }


def users_info(workspace: Workspace, args: Json) -> Json:
    """The description of a person."""
    return {"user": describe(workspace, _person(workspace, args), locale=flag(args, "include_locale"))}


def users_list(workspace: Workspace, args: Json) -> Json:
    """All people, a page at a time."""
    everybody = [
        describe(workspace, person, locale=flag(args, "include_locale")) for person in workspace.people.values()
    ]
    items, cursor = page(everybody, args, default=len(everybody), most=1000)
    return {"members": items, "cache_ts": int(workspace.now()), "response_metadata": {"next_cursor": cursor}}


def users_profile(workspace: Workspace, args: Json) -> Json:
    """A person's profile with their status."""
    return {"profile": _profile(workspace, _person(workspace, args))}


def users_presence(workspace: Workspace, args: Json) -> Json:
    """Whether a person is active: here everybody is."""
    _person(workspace, args)
    return {"presence": "active"}


def dnd_info(workspace: Workspace, args: Json) -> Json:
    """A person's do-not-disturb time, now or next. Slack does not show other people's snoozes to an app."""
    person = _person(workspace, args)
    coming = person.dnd_until > workspace.now()
    return {
        "dnd_enabled": coming,
        "next_dnd_start_ts": int(person.dnd_from) if coming else 1,
        "next_dnd_end_ts": int(person.dnd_until) if coming else 1,
    }


def usergroups_list(workspace: Workspace, args: Json) -> Json:
    """The user groups."""
    groups = [group for group in workspace.usergroups.values() if flag(args, "include_disabled") or not group.disabled]
    described = [_group(workspace, group) for group in groups]
    if flag(args, "include_users"):
        described = [each | {"users": list(group.people)} for each, group in zip(described, groups, strict=True)]
    return {"usergroups": described}


def usergroups_users(workspace: Workspace, args: Json) -> Json:
    """The people in a user group."""
    return {"users": list(_group_of(workspace, args).people)}


def usergroups_users_update(workspace: Workspace, args: Json) -> Json:
    """Replace the people of a user group by this list, which may not be empty."""
    group = _group_of(workspace, args)
    sent: Any = args.get("users") or ""
    people = [str(p).strip() for p in (sent if isinstance(sent, list) else str(sent).split(",")) if str(p).strip()]
    if not people:
        raise SlackError("no_users_provided")
    if any(person not in workspace.people for person in people):
        raise SlackError("invalid_users")
    group.people = people
    return {"usergroup": _group(workspace, group) | {"users": people}}


def describe(workspace: Workspace, person: Person, *, locale: bool = False) -> Json:
    """A person as Slack describes them to the app."""
    described: Json = {
        "id": person.id,
        "team_id": person.team_id or workspace.team_id,
        "name": person.name,
        "deleted": person.deleted,
        "color": person.color,
        "real_name": person.real_name,
        "tz": person.tz,
        "tz_label": "Central European Time",
        "tz_offset": 3600,
        "profile": _profile(workspace, person),
        "is_admin": False,
        "is_owner": False,
        "is_restricted": person.guest or person.one_channel,
        "is_ultra_restricted": person.one_channel,
        "is_bot": person.is_bot,
        "is_app_user": False,
        "updated": 1_700_000_000,
    }
    if person.team_id not in ("", workspace.team_id):
        described["is_stranger"] = True
    return described | ({"locale": person.locale} if locale else {})


def _profile(workspace: Workspace, person: Person) -> Json:
    shown = not 0 < person.status_until <= workspace.now()
    profile: Json = {
        "real_name": person.real_name,
        "display_name": person.name,
        "real_name_normalized": person.real_name,
        "display_name_normalized": person.name,
        "status_text": person.status_text if shown else "",
        "status_emoji": person.status_emoji if shown else "",
        "status_expiration": int(person.status_until) if shown else 0,
        "team": person.team_id or workspace.team_id,
    }
    if person.email and "users:read.email" in workspace.app.scopes:
        profile["email"] = person.email
    return profile


def _person(workspace: Workspace, args: Json) -> Person:
    person = workspace.people.get(required(args, "user"))
    if person is None:
        raise SlackError("user_not_found")
    return person


def _group_of(workspace: Workspace, args: Json) -> UserGroup:
    group = workspace.usergroups.get(required(args, "usergroup"))
    if group is None:
        raise SlackError("no_such_subteam")
    return group


def _group(workspace: Workspace, group: UserGroup) -> Json:
    return {
        "id": group.id,
        "team_id": workspace.team_id,
        "is_usergroup": True,
        "name": group.name,
        "handle": group.handle,
        "description": "",
        "date_delete": int(group.disabled),
        "user_count": len(group.people),
        "prefs": {"channels": [], "groups": []},
    }


METHODS: Mapping[str, Method] = {
    "auth.test": Method(auth_test, tier=None),
    "apps.connections.open": Method(connections_open, tier=None, app_token=True),
    "bots.info": Method(bots_info, ("users:read",), tier=3, reads=True),
    "users.info": Method(users_info, ("users:read",), tier=4, reads=True),
    "users.list": Method(users_list, ("users:read",), tier=2, reads=True),
    "users.profile.get": Method(users_profile, ("users.profile:read",), tier=4, reads=True),
    "users.getPresence": Method(users_presence, ("users:read",), tier=3, reads=True),
    "dnd.info": Method(dnd_info, ("dnd:read",), tier=3, reads=True),
    "usergroups.list": Method(usergroups_list, ("usergroups:read",), tier=2, reads=True),
    "usergroups.users.list": Method(usergroups_users, ("usergroups:read",), tier=2, reads=True),
    "usergroups.users.update": Method(usergroups_users_update, ("usergroups:write",), tier=2),
}

"""Mastodon: mentions, private mentions and hashtags in, replies out, over https://docs.joinmastodon.org/api/

Quirks that shape this package:
- A post that names us is a notification. Since 4.3 Mastodon filters out those of new or unknown accounts, such as a
  citizen's first post, unless we ask with `include_filtered`.
- `min_id` pages forward from an id. Some servers treat it as `since_id` and return the newest posts, so we also request
  the posts in between. Ids are text, ordered by length and then by letter.
- A post from another server gets an id from the time it was written, so it can appear in a hashtag's timeline below
  ids that we have seen. Therefore we compare that timeline with its last page, not with one id.
- An edit of a post gives no notification unless we boosted it; `recheck` finds edits and removals.
- The text must contain the citizen's `@mention`. Without `visibility`, the account's default applies.
- A 404 in Mastodon's JSON says that a post was removed, or that its author blocks us. One without it comes from a proxy
  or firewall, or from another kind of server; it counts only while the same server accepts our token.
"""

from bot.connectors.mastodon.answering import KEY_REMEMBERED, Answering
from bot.connectors.mastodon.checking import Checking
from bot.connectors.mastodon.moderating import Moderating
from bot.connectors.mastodon.reading import Reading
from bot.connectors.mastodon.signing_in import SIGN_IN
from bot.connectors.platform import SINCE, Capability, Option, OptionKind, Platform, Quality


class Mastodon(Reading, Answering, Moderating, Checking):
    """One account on one Mastodon server.

    Secrets: `token`. Options: `hashtags` (without #), `read_only`, `ours` (@name@server of accounts whose posts are
    left out), `visibility` of replies to public posts ("public" or "unlisted"), `language` of replies. Without a token,
    or read-only, it only reads the public hashtag timelines.
    """


PLATFORM = Platform(
    name="mastodon",
    title="Mastodon",
    sign="🐘",
    docs="https://docs.joinmastodon.org/api/",
    about="Connect an account on a Mastodon server: mentions, private mentions and hashtags.",
    capabilities=frozenset(
        {
            Capability.POLLS,
            Capability.REPLIES,
            Capability.MESSAGES,
            Capability.IMAGES,
            Capability.MESSAGE_IMAGES,
            Capability.LIKES,
            Capability.DELETES,
        }
    ),
    options=(
        Option(
            "url",
            "Address of the server (https://…)",
            OptionKind.SERVER,
            help="Address of the server: https://social.example.",
        ),
        Option(
            "token",
            "Access token (empty: only read hashtags)",
            OptionKind.TOKEN,
            default="",
            help="Make it on the server under Preferences, Development, with the scopes read and write.",
            secret=True,
        ),
        Option(
            "hashtags",
            "Hashtags to follow, with spaces between",
            OptionKind.WORDS,
            default=(),
            help="Follow this hashtag too.",
            flag="hashtag",
        ),
        Option(
            "read_only", kind=OptionKind.FLAG, default=False, help="Only read hashtags; nothing is answered from here."
        ),
        Option(
            "ours",
            kind=OptionKind.WORDS,
            default=(),
            help="An account of yours (@name@server) whose posts under these hashtags are left out.",
        ),
        Option(
            "visibility",
            kind=OptionKind.CHOICES,
            help="Who sees replies to public posts in their timelines.",
            choices=("public", "unlisted"),
        ),
        SINCE,
        Option("language", help="Language of the replies, as two letters; nl when left out."),
    ),
    connect=Mastodon,
    sign_in=SIGN_IN,
    quality=Quality(pairs=True, server="mastodon-mock 0.6"),
    resend_safe_for=KEY_REMEMBERED,
    edits=True,
    limits="500 characters unless the server says otherwise; 300 requests in 5 minutes",
    latency="POLL_SECONDS",
)

"""Like posts on Mastodon, and remove our answers; doing it again changes nothing.

https://docs.joinmastodon.org/methods/statuses/#favourite, #unfavourite and #delete
"""

from urllib.parse import quote

from bot.connectors.base import Rejected
from bot.connectors.mastodon.server import MastodonServer
from bot.domain.mention import Act, Gone, Post

REQUESTS = {
    Act.LIKE: ("POST", "/favourite"),
    Act.UNLIKE: ("POST", "/unfavourite"),
    Act.DELETE: ("DELETE", ""),
}


class Moderating(MastodonServer):
    """Acts on posts besides answering them."""

    async def act(self, act: Act, post: Post) -> None:
        """Like or unlike a post, or remove our answer; it is no error if that is already gone."""
        if act not in REQUESTS:
            raise Rejected("This platform cannot do this.")
        method, path = REQUESTS[act]
        response = await self.call(method, f"/api/v1/statuses/{quote(post.external_id, safe='')}{path}")
        if response.status_code in {404, 410}:
            gone = isinstance(await self._status(post.external_id), Gone)
            if act is Act.DELETE and gone:
                return
            if gone:
                raise Rejected("{host} no longer shows the post.", host=self.host)
        self.judge(response)
        if response.content.strip():  # a page comes from what stands before the server, and proves nothing
            self.json(response)

"""Our page to which a platform redirects the browser after a sign-in."""

from collections.abc import Callable
from html import escape

from aiohttp import web

from bot.accounts.sign_in import SignIns
from bot.domain.text import Refused
from bot.models import SigningIn, SigningInStage
from bot.texts import Texts

PATH = "/connect/{platform}/callback"
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""The address contains the code, so no part of it may reach anybody else."""
PAGE = """<!doctype html>
<html lang="{language}"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 1.125rem/1.5 system-ui, sans-serif; max-width: 32rem; margin: 15vh auto; padding: 0 1.5rem }}
</style>
<main><h1>{title}</h1><p>{words}</p></main></html>
"""


def add_route(app: web.Application, sign_ins: SignIns, t: Texts, finished: Callable[[SigningIn], None]) -> None:
    """Serve the page, in this language; `finished` is called with each finished sign-in."""

    async def come_back(request: web.Request) -> web.Response:
        try:
            row = await sign_ins.finish(request.match_info["platform"], request.query)
        except Refused as refused:
            again = await sign_ins.finished(request.match_info["platform"], request.query)
            if again is not None:  # the page was loaded once more
                return _outcome(again, t, status=400)
            return _page(400, t("Not signed in"), t(refused.text), t)
        finished(row)
        return _outcome(row, t)

    app.router.add_get(PATH, come_back, allow_head=False)  # HEAD would use the sign-in up


def _outcome(row: SigningIn, t: Texts, *, status: int = 200) -> web.Response:
    """Show in the browser the result of a sign-in, and where to continue."""
    if row.stage is SigningInStage.FAILED:
        return _page(400, t("Not signed in"), t.stored(row.problem), t)
    if row.stage is SigningInStage.TAKEN:
        return _page(status, t("Signing in"), t("The platform is not ready yet. Load this page again in a moment."), t)
    if row.stage is SigningInStage.DONE:
        return _page(status, t("Signed in"), t("What you chose is connected. You can close this page."), t)
    go_on = t("You got a direct message in Slack: choose there what to connect. You can close this page.")
    if not row.by:
        go_on = t("Go on in your terminal. You can close this page.")
    return _page(status, t("Signed in"), go_on, t)


def _page(status: int, title: str, words: str, t: Texts) -> web.Response:
    text = PAGE.format(language=t.language, title=escape(title), words=escape(words))
    return web.Response(status=status, text=text, content_type="text/html", headers=HEADERS)

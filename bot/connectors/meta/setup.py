"""The extra questions to connect an account at Meta, because it needs an app there."""

from bot.connectors.base import Account
from bot.connectors.meta.hooks import new_verify_token
from bot.connectors.platform import Option, OptionKind

APP_ID = Option("app_id", "Id of your app at Meta", help="Id of your app at Meta.")
APP_SECRET = Option(
    "app_secret",
    "App secret",
    OptionKind.TOKEN,
    help="It is in your app at developers.facebook.com under App settings, Basic.",
    secret=True,
)
VERIFY_TOKEN = Option("verify_token", kind=OptionKind.MADE, secret=True, make=new_verify_token)


def where_to_send(account: Account, product: str) -> tuple[str, ...]:
    """Return what to enter at Meta, once for all accounts of the app, so that it pushes news to us."""
    return (
        f"In your app at developers.facebook.com, under Webhooks, choose {product}, and fill in:",
        f"  Callback URL: {account.address.rpartition('/')[0]}",
        f"  Verify token, shown this once: {account.secrets.get('verify_token', '')}",
    )

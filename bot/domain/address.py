"""Web addresses: what can be one at all."""

import re
from urllib.parse import urlsplit

_PLAIN = re.compile(r"https?://[A-Za-z0-9.-]+(?:[/?#]|\Z)")
"""How nearly all addresses begin; to take one apart takes twenty times as long as to see that."""


def is_http(url: str) -> bool:
    """Tell whether an address begins with http(s) and names a host, and a port that there is if it names one."""
    if _PLAIN.match(url):
        return True
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # an impossible port, or a bracket without its pair
        return False

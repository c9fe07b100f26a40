"""Web addresses: what can be one at all."""

from urllib.parse import urlsplit


def is_http(url: str) -> bool:
    """Tell whether an address begins with http(s) and names a host, and a port that there is if it names one."""
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # an impossible port, or a bracket without its pair
        return False

"""Ports for servers that begin later, in processes of their own."""

import socket
from random import SystemRandom

NEVER_GIVEN = range(20_000, 32_768)
"""Ports below those that Linux gives to who asks for any.

https://docs.kernel.org/networking/ip-sysctl.html, ip_local_port_range
"""


def free_port() -> int:
    """Return a port of this machine that nothing listens on, and that the system gives to nobody until it is used.

    One that the system gives may be given to another server by then: a process takes seconds to begin.
    """
    while True:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port := SystemRandom().choice(NEVER_GIVEN)))
            except OSError:  # another has it
                continue
            return port

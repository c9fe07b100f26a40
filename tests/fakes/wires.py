"""An internet on this machine: one server on loopback is behind every address, and names lead where a test says."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import httpcore


@dataclass
class Wires(httpcore.AsyncNetworkBackend):
    """Connects every address to `port` of this machine, save those that are `dead`; `reached` are all, in order."""

    port: int
    dead: frozenset[str] = frozenset()
    reached: list[str] = field(default_factory=list)
    _loopback: httpcore.AnyIOBackend = field(default_factory=httpcore.AnyIOBackend)

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        self.reached.append(host)
        if host in self.dead:
            raise httpcore.ConnectError(f"{host} refuses")
        return await self._loopback.connect_tcp("127.0.0.1", self.port, timeout)


class Names:
    """Where names lead: at each look-up the next addresses of the list (spaces between them), the last for ever."""

    def __init__(self) -> None:
        self.leads: dict[str, list[str]] = {}
        self.looked_up: list[str] = []
        self._resolve = asyncio.get_running_loop().getaddrinfo

    async def getaddrinfo(self, host: str | bytes, port: int, **kwargs: Any) -> list[Any]:
        name = host.decode() if isinstance(host, bytes) else host
        self.looked_up.append(name)
        answers = self.leads.get(name, [name])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        return [found for each in answer.split() for found in await self._resolve(each, port, **kwargs)]

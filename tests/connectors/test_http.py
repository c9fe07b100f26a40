"""The one HTTP client: addresses that are not reached, answers that are not unpacked, and what becomes a verdict."""

import gzip
import ssl
import tracemalloc
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bot.connectors import guard, http
from bot.connectors.base import OutcomeUnknown, Rejected, Unavailable
from tests.fakes.wires import Names, Wires

PUBLIC, OTHER = "93.184.215.14", "198.41.0.4"


@pytest.mark.parametrize(
    "address",
    """127.0.0.1 10.1.2.3 172.16.0.1 192.168.1.1 169.254.169.254 0.0.0.0 100.64.0.1 224.0.0.1 255.255.255.255
    ::1 :: fe80::1 fe80::1%eth0 fc00::1 fec0::1 ff02::1 ff0e::1 ::ffff:127.0.0.1 ::ffff:0:127.0.0.1 ::127.0.0.1
    64:ff9b::7f00:1 64:ff9b::10.0.0.1 64:ff9b:1::1 64:ff9b:1:7f00:0:100:: 2002:7f00:1:: 2002:a00:1::5
    2001:0:7f00:1:: 5f00::1 4000::1""".split(),
)
def test_private_addresses_are_seen_through_every_wrapping(address: str) -> None:
    assert not guard.is_public(address)


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "2a02:898::1", "64:ff9b::808:808", "::ffff:8.8.8.8", "2002:808:808::1"]
)
def test_public_addresses_are_public(address: str) -> None:
    assert guard.is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://xn--a/",
        "http://host:99999999/",
        "http://[::1",
        "http://a b/",
        "http://" + "a" * 70,
        "file:///etc/passwd",
        "ftp://a.example/",
        "http:///pad",
        "",
    ],
)
async def test_what_is_no_address_is_rejected(url: str) -> None:
    async with http.new_client() as client:
        with pytest.raises((Rejected, Unavailable)):
            await http.request(client, "GET", url)


# --- Private networks ----------------------------------------------------------------------------


class Site:
    """A web server on loopback; `asked` are its requests' Host headers, `encodings` their Accept-Encoding."""

    port = 0

    def __init__(self, answer: web.Response) -> None:
        self.answer, self.asked, self.encodings = answer, list[str](), list[str]()

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self.handle)
        return app

    async def handle(self, request: web.Request) -> web.Response:
        self.asked.append(request.headers["Host"])
        self.encodings.append(request.headers["Accept-Encoding"])
        return self.answer


@asynccontextmanager
async def serving(answer: web.Response | None = None, ssl_context: ssl.SSLContext | None = None) -> AsyncIterator[Site]:
    site = Site(answer or web.Response(text="ok"))
    runner = web.AppRunner(site.app())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=ssl_context).start()
    site.port = runner.addresses[0][1]
    try:
        yield site
    finally:
        await runner.cleanup()


def outside(wires: Wires) -> httpx.AsyncClient:
    """The connectors' client, on an internet of the test."""
    return httpx.AsyncClient(transport=guard.Transport(network=wires), headers=http.HEADERS)


@pytest.mark.parametrize(
    "host",
    """127.0.0.1 127.1 2130706433 0x7f000001 0x7f.1 017700000001 127.0.0.1. localhost localhost. [::1]
    [::ffff:127.0.0.1] [::ffff:7f00:1] [0:0:0:0:0:ffff:127.0.0.1] [::127.0.0.1] [64:ff9b::7f00:1] [64:ff9b:1::7f00:1]
    [2002:7f00:1::] [fe80::1%25lo] 127。0。0。1 0 user:password@127.0.0.1""".split(),
)
async def test_no_way_of_writing_reaches_this_machine(host: str) -> None:
    async with serving() as site, http.new_client() as client:
        with pytest.raises((Rejected, Unavailable)):
            await http.request(client, "POST", f"http://{host}:{site.port}/")
    assert site.asked == []


async def test_private_networks_are_reached_where_that_is_set() -> None:
    async with serving() as site, http.new_client(allow_private=True) as client:
        assert (await http.request(client, "GET", f"http://localhost:{site.port}/")).text == "ok"


async def test_a_name_is_looked_up_once_and_the_checked_address_is_reached(names: Names) -> None:
    names.leads["draai.example"] = [PUBLIC, "127.0.0.1"]
    async with serving() as site:
        wires = Wires(site.port)
        async with outside(wires) as client:
            await http.request(client, "GET", "http://draai.example/")
    assert (wires.reached, site.asked) == ([PUBLIC], ["draai.example"])
    assert names.leads["draai.example"] == ["127.0.0.1"], "it was looked up once"


@pytest.mark.parametrize("leads", ["127.0.0.1", f"{PUBLIC} 10.0.0.1", f"::1 {PUBLIC}", "64:ff9b:1::1"])
async def test_a_name_with_one_private_address_is_not_reached_at_all(leads: str, names: Names) -> None:
    names.leads["half.example"] = [leads]
    wires = Wires(0)
    async with outside(wires) as client:
        with pytest.raises(
            Rejected, match=r"half\.example is in a private network: .+ unless ALLOW_PRIVATE_ADDRESSES is true"
        ):
            await http.request(client, "GET", "http://half.example/")
    assert wires.reached == []


async def test_every_new_connection_is_checked_again(names: Names) -> None:
    names.leads["draai.example"] = [PUBLIC, "127.0.0.1"]
    async with serving() as site:
        wires = Wires(site.port)
        async with outside(wires) as client:
            await http.request(client, "GET", "http://draai.example/", headers={"Connection": "close"})
            with pytest.raises(Rejected):
                await http.request(client, "GET", "http://draai.example/")
    assert len(site.asked) == 1


async def test_when_an_address_refuses_the_next_is_tried(names: Names) -> None:
    names.leads["twee.example"] = [f"{PUBLIC} {OTHER}"]
    async with serving() as site:
        wires = Wires(site.port, dead=frozenset({PUBLIC}))
        async with outside(wires) as client:
            assert (await http.request(client, "GET", "http://twee.example/")).text == "ok"
    assert wires.reached == [PUBLIC, OTHER]


async def test_when_all_refuse_the_request_was_surely_not_sent(names: Names) -> None:
    names.leads["twee.example"] = [f"{PUBLIC} {OTHER}"]
    wires = Wires(0, dead=frozenset({PUBLIC, OTHER}))
    async with outside(wires) as client:
        with pytest.raises(Unavailable) as caught:
            await http.request(client, "POST", "http://twee.example/")
    assert not isinstance(caught.value, OutcomeUnknown)
    assert wires.reached == [PUBLIC, OTHER]


async def test_a_name_that_does_not_exist_was_surely_not_reached(names: Names) -> None:
    names.leads["weg.example"] = ["300.300.300.300"]
    async with http.new_client() as client:
        with pytest.raises(Unavailable, match=r"The name weg\.example cannot be found") as caught:
            await http.request(client, "POST", "http://weg.example/")
    assert not isinstance(caught.value, OutcomeUnknown)


async def test_another_protocol_reaches_what_http_would_reach(names: Names) -> None:
    names.leads["post.example"] = ["127.0.0.2 127.0.0.1"]  # nobody listens at the first
    async with serving() as site, http.new_client(allow_private=True) as client:
        with await http.connected(client, "post.example", site.port) as connection:
            assert connection.getpeername() == ("127.0.0.1", site.port)
            assert connection.gettimeout() == client.timeout.read


@pytest.mark.parametrize("leads", ["127.0.0.1", f"{PUBLIC} 10.0.0.1"])
async def test_another_protocol_reaches_no_private_network_either(leads: str, names: Names) -> None:
    names.leads["post.example"] = [leads]
    async with http.new_client() as client, httpx.AsyncClient() as unknown:
        for each in (client, unknown):
            with pytest.raises(Rejected, match="private network"):
                await http.connected(each, "post.example", 25)


async def test_where_nobody_listens_there_is_no_connection(names: Names) -> None:
    async with serving() as site:
        port = site.port
    async with http.new_client(allow_private=True) as client:
        with pytest.raises(Unavailable, match=r"No connection with 127\.0\.0\.1"):
            await http.connected(client, "127.0.0.1", port)


async def test_a_proxy_of_the_environment_is_no_way_around(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving() as proxy:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name.lower(), f"http://127.0.0.1:{proxy.port}")
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        async with http.new_client() as client:
            with pytest.raises(Rejected):
                await http.request(client, "GET", f"http://10.0.0.1:{proxy.port}/")
    assert proxy.asked == []


def certified(name: str, folder: Path) -> ssl.SSLContext:
    """A server's TLS with a certificate for this name, which is written to folder/ca.pem to be trusted."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "ca.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "ca.pem", folder / "key.pem")
    return context


async def test_a_certificate_is_held_against_the_name(
    names: Names, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names.leads["veilig.example"] = names.leads["vals.example"] = [PUBLIC]
    tls = certified("veilig.example", tmp_path)
    shown: list[str | None] = []
    tls.sni_callback = lambda _socket, name, _context: shown.append(name)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    async with serving(ssl_context=tls) as site, outside(Wires(site.port)) as client:
        assert (await http.request(client, "GET", "https://veilig.example/")).text == "ok"
        with pytest.raises(Unavailable, match=r"No connection with vals\.example"):
            await http.request(client, "GET", "https://vals.example/")
    assert shown == ["veilig.example", "vals.example"]
    assert site.asked == ["veilig.example"]


# --- Packed answers ------------------------------------------------------------------------------


def packed(body: bytes, encoding: str) -> web.Response:
    return web.Response(body=body, headers={"Content-Encoding": encoding})


async def answered(answer: web.Response, method: str = "GET", max_bytes: int = http.MAX_BYTES) -> bytes:
    async with serving(answer) as site, http.new_client(allow_private=True) as client:
        return (await http.request(client, method, f"http://127.0.0.1:{site.port}/", max_bytes=max_bytes)).content


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "GZIP"])
async def test_a_packed_answer_is_unpacked(encoding: str) -> None:
    assert await answered(packed(gzip.compress(b"hallo" * 1000), encoding)) == b"hallo" * 1000


async def test_only_the_encoding_that_we_unpack_is_asked_for() -> None:
    async with serving() as site, http.new_client(allow_private=True) as client:
        await http.request(client, "GET", f"http://127.0.0.1:{site.port}/")
    assert site.encodings == ["gzip"]


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (gzip.compress(gzip.compress(b"hallo")), "gzip, gzip"),
        (zlib.compress(b"hallo"), "deflate"),
        (b"hallo", "br"),
        (b"hallo", "gzip"),
        (b"\x1f\x8b\x08\x00", "identity, gzip"),
    ],
    ids=["twice", "deflate", "br", "not packed", "cut short"],  # bytes have the time in them; all processes name alike
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_what_we_cannot_unpack_leaves_the_outcome_unknown(body: bytes, encoding: str, method: str) -> None:
    with pytest.raises(OutcomeUnknown, match="an answer we cannot read"):
        await answered(packed(body, encoding), method)


async def test_an_answer_packed_in_several_members_is_unpacked_to_its_end() -> None:
    """https://www.rfc-editor.org/rfc/rfc1952#section-2.2"""
    members = b"".join(gzip.compress(each) for each in (b"hallo" * 1000, b"", b"allemaal" * 50_000))
    assert await answered(packed(members, "gzip")) == b"hallo" * 1000 + b"allemaal" * 50_000
    assert await answered(packed(members + b"\0" * 100, "gzip")) == b"hallo" * 1000 + b"allemaal" * 50_000
    with pytest.raises(Rejected, match="larger than"):
        await answered(packed(members, "gzip"), max_bytes=100_000)


@pytest.mark.parametrize("size", [1, 9, 10, 30])
async def test_members_that_arrive_in_pieces_are_unpacked_too(size: int) -> None:
    members = gzip.compress(b"hallo") + gzip.compress(b" allemaal")

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(members), size):
            yield members[start : start + size]

    whole = httpx.Response(200, headers={"Content-Encoding": "gzip"}, content=pieces())
    async with httpx.AsyncClient(transport=httpx.MockTransport(lambda _: whole)) as client:
        assert (await http.request(client, "GET", "http://voorbeeld.nl/")).content == b"hallo allemaal"


async def test_an_empty_answer_needs_no_unpacking() -> None:
    assert await answered(web.Response(status=204, headers={"Content-Encoding": "br"})) == b""


@pytest.mark.parametrize(
    ("encoding", "method", "verdict"),
    [("gzip", "GET", Rejected), ("gzip", "POST", OutcomeUnknown), ("gzip, gzip", "GET", OutcomeUnknown)],
)
async def test_a_bomb_is_not_unpacked(encoding: str, method: str, verdict: type[Exception]) -> None:
    bomb = b"\0" * (60 * 2**20)
    for _ in encoding.split(","):
        bomb = gzip.compress(bomb, mtime=0)
    tracemalloc.start()
    try:
        with pytest.raises(verdict):
            await answered(packed(bomb, encoding), method)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 4 * http.MAX_BYTES


@pytest.mark.parametrize("size", [999, 1000, 1001])
@pytest.mark.parametrize("is_packed", [False, True])
async def test_the_limit_counts_what_is_unpacked(size: int, is_packed: bool) -> None:
    body = b"a" * size
    answer = packed(gzip.compress(body), "gzip") if is_packed else web.Response(body=body)
    if size <= 1000:
        assert await answered(answer, max_bytes=1000) == body
        return
    with pytest.raises(Rejected, match="larger than"):
        await answered(answer, max_bytes=1000)


async def test_what_follows_the_end_of_a_packed_answer_counts_too() -> None:
    assert await answered(packed(gzip.compress(b"hallo") + b"\0" * 100, "gzip")) == b"hallo"
    with pytest.raises(Rejected, match="larger than"):
        await answered(packed(gzip.compress(b"hallo") + b"\0" * 2000, "gzip"), max_bytes=1000)


@pytest.mark.parametrize("alike", ["https://Nieuws.nl/rss", "http://www.nieuws.nl:80/rss/", "nieuws.nl:443/rss#top"])
def test_addresses_of_one_place_are_seen_to_be(alike: str) -> None:
    assert http.place_of(alike) == http.place_of("https://nieuws.nl/rss")
    for other in (
        "https://nieuws.nl/RSS",
        "https://nieuws.nl/rss?a=1",
        "https://nieuws.nl:8080/rss",
        "https://m.nl/rss",
    ):
        assert http.place_of(alike) != http.place_of(other)

"""A real mail server on this machine: Dovecot keeps the mailboxes and gives them over IMAP, Exim delivers the mail.

Both run on our own settings, on free ports of loopback, in a folder of their own. Every mailbox has the same password,
and opens with an access token that `token_for` signed, until it ends.
"""

import base64
import hmac
import json
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.fakes.ports import free_port

PASSWORD = "geheim"
KEY = b"the key with which access tokens are signed"
HOST = "mail.example"
"""The name in the certificate."""
NEEDED = ("dovecot", "exim4")
PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin"])

DOVECOT = """
dovecot_config_version = 2.4.1
dovecot_storage_version = 2.4.1
base_dir = {here}/run
state_dir = {here}/state
log_path = {here}/dovecot.log
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_server_cert_file = {here}/cert.pem
ssl_server_key_file = {here}/key.pem
auth_allow_cleartext = yes
auth_mechanisms = plain login xoauth2
oauth2 {{
  introspection_mode = local
  username_attribute = sub
  oauth2_local_validation {{
    dict fs {{
      fs posix {{
        prefix = {here}/keys/
      }}
    }}
  }}
}}
auth_failure_delay = 0
default_internal_user = {user}
default_internal_group = {group}
default_login_user = dovenull
mail_driver = maildir
mail_path = {here}/mail/%{{user}}
mail_uid = {user}
mail_gid = {group}
first_valid_uid = 1
mail_max_userip_connections = 100
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Verstuurd {{
    auto = create
    special_use = \\Sent
  }}
}}
passdb static {{
  password = {password}
}}
userdb static {{
  fields {{
    home = {here}/mail/%{{user}}
  }}
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
}}
"""

EXIM = """
exim_user = {user}
exim_group = {group}
primary_hostname = {host}
spool_directory = {here}/spool
log_file_path = {here}/%slog
pid_file_path = {here}/exim.pid
daemon_smtp_ports = {smtp} : {smtps}
tls_on_connect_ports = {smtps}
local_interfaces = 127.0.0.1
tls_advertise_hosts = *
tls_certificate = {here}/cert.pem
tls_privatekey = {here}/key.pem
auth_advertise_hosts = *
deliver_drop_privilege = true
keep_environment =
host_lookup =
rfc1413_query_timeout = 0s
smtp_accept_max = 50
acl_smtp_rcpt = check_rcpt
acl_smtp_data = check_data
begin acl
check_rcpt:
  deny local_parts = nobody
       message = 5.1.1 No such person here
  defer local_parts = later
       message = 4.2.1 Try again later
  defer local_parts = grey
       message = 4.7.1 Greylisted, try again later
  accept authenticated = *
  accept domains = gemeente.example
  deny message = relay not permitted
check_data:
  deny condition = ${{if match{{$header_subject:}}{{REFUSED}}}}
       message = 5.7.1 We do not like it
  accept
begin routers
gone:
  driver = redirect
  local_parts = gone
  allow_fail
  data = :fail: 550 5.1.1 This mailbox does not exist
here:
  driver = accept
  transport = maildir
begin transports
maildir:
  driver = appendfile
  directory = {here}/mail/${{lookup{{$local_part@$domain}}lsearch,ret=key{{{here}/boxes}}}}
  maildir_format
  create_directory
  user = {user}
  group = {group}
  return_path_add
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if eq{{$auth3}}{{{password}}}}}
  server_set_id = $auth2
xoauth2:
  driver = plaintext
  public_name = XOAUTH2
  server_prompts = :
  server_condition = {is_token}
  server_set_id = $auth1
"""

KNOWN = r"${lookup{$2}lsearch{TOKENS}{$value}{-,0}}"
IS_TOKEN = (
    r"${if match{$auth1}{\N^user=([^\x01]+)\x01auth=Bearer ([^\x01]+)\x01\x01$\N}"
    r"{${if and{{eq{$1}{${extract{1}{,}{KNOWN}}}}{>{${extract{2}{,}{KNOWN}}}{$tod_epoch}}}}}}"
).replace("KNOWN", KNOWN)
"""What Exim asks of a login with an access token: `token_for` noted it for this user, and it has not ended."""


def missing() -> str:
    """Say why no mail server can run here; "" when it can."""
    absent = [name for name in NEEDED if shutil.which(name, path=PATH) is None]
    if absent:
        return f"{' and '.join(absent)} not installed (apt-get install dovecot-imapd exim4-daemon-light)"
    return "" if os.getuid() == 0 else "Dovecot and Exim are started as root, to give up its rights"


@dataclass(frozen=True)
class MailServer:
    """A running server. `mailbox` makes a mailbox that no other test has."""

    here: Path
    ports: dict[str, int]
    numbers: Iterator[int]

    def mailbox(self, name: str, domain: str) -> "MailboxThere":
        """Make a mailbox with an address of its own."""
        address = f"{name}{next(self.numbers)}@{domain}"
        with (self.here / "boxes").open("a") as boxes:
            boxes.write(f"{address}: x\n")
        return MailboxThere(self, address)

    def token_for(self, address: str, lasts: timedelta) -> str:
        """Return an access token for a mailbox: a JWT, https://www.rfc-editor.org/rfc/rfc7519"""
        ends = int((datetime.now(UTC) + lasts).timestamp())
        parts = {"alg": "HS256", "typ": "JWT"}, {"sub": address, "exp": ends, "iat": ends - 7200}
        signed = b".".join(_base64(json.dumps(part).encode()) for part in parts)
        token = (signed + b"." + _base64(hmac.digest(KEY, signed, "sha256"))).decode()
        with (self.here / "tokens").open("a") as tokens:  # Exim reads no JWT
            tokens.write(f"{token}: {address},{ends}\n")
        return token

    def settled(self) -> None:
        """Wait until all mail that was taken has been delivered or has come back."""
        ends = time.monotonic() + 20
        while any((self.here / "spool" / "input").glob("*")):
            assert time.monotonic() < ends, (self.here / "mainlog").read_text()
            time.sleep(0.01)

    def log(self) -> str:
        """Return what Exim wrote."""
        return (self.here / "mainlog").read_text()


@dataclass(frozen=True)
class MailboxThere:
    """One mailbox on the server, as the server has it."""

    server: MailServer
    address: str

    @property
    def folder(self) -> Path:
        return self.server.here / "mail" / self.address

    def put(self, raw: bytes, folder: str = "", came_at: datetime | None = None) -> None:
        """Put a mail in a folder, as a delivery does."""
        root = self.folder / f".{folder}" if folder else self.folder
        for each in (self.folder, root, *(root / part for part in ("tmp", "new", "cur"))):
            if not each.exists():
                each.mkdir(parents=True)
                _give(each)
        name = f"{time.time():.6f}.{next(self.server.numbers)}.here"
        (root / "tmp" / name).write_bytes(raw)
        _give(root / "tmp" / name)
        if came_at is not None:
            os.utime(root / "tmp" / name, (came_at.timestamp(), came_at.timestamp()))
        (root / "tmp" / name).rename(root / "new" / name)

    def mails(self, folder: str = "") -> list[bytes]:
        """Return the mails in a folder, in the order of their delivery."""
        self.server.settled()
        root = self.folder / f".{folder}" if folder else self.folder
        found = [path for part in ("new", "cur") for path in (root / part).glob("*")]
        return [path.read_bytes() for path in sorted(found, key=lambda path: path.name)]

    def names(self, folder: str = "") -> list[str]:
        """Return the names of the files in a folder, whose ends are the flags: D draft, S seen, T deleted."""
        return [path.name for path in (self.folder / f".{folder}" / "cur").glob("*")]


def _base64(part: bytes) -> bytes:
    return base64.urlsafe_b64encode(part).rstrip(b"=")


@contextmanager
def running() -> Iterator[MailServer]:
    """Run a mail server."""
    here = Path(tempfile.mkdtemp(prefix="webcare-mail-"))
    started: list[subprocess.Popen[bytes]] = []
    try:
        server = _prepared(here)
        commands = (["dovecot", "-F", "-c", f"{here}/dovecot.conf"], ["exim4", "-bdf", "-C", f"{here}/exim.conf"])
        environment = {"PATH": PATH}
        for command in commands:
            program = shutil.which(command[0], path=PATH)
            assert program is not None
            with (here / f"{command[0]}.out").open("wb") as out:
                started.append(
                    subprocess.Popen([program, *command[1:]], stdout=out, stderr=out, env=environment, cwd=here)
                )
        for port in server.ports.values():
            _wait_for(port, here)
        yield server
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(20)
        shutil.rmtree(here, ignore_errors=True)


def _prepared(here: Path) -> MailServer:
    here.chmod(0o755)
    owner = pwd.getpwnam("Debian-exim")
    ports = {name: free_port() for name in ("imap", "imaps", "smtp", "smtps")}
    values = {"here": here, "user": owner.pw_name, "group": owner.pw_name, "host": HOST, "password": PASSWORD, **ports}
    values["is_token"] = IS_TOKEN.replace("TOKENS", f"{here}/tokens")
    (here / "dovecot.conf").write_text(DOVECOT.format(**values))
    (here / "exim.conf").write_text(EXIM.format(**values))
    (here / "boxes").touch()
    (here / "tokens").touch()
    _certify(here)
    key = here / "keys" / "default" / "HS256" / "default"
    key.parent.mkdir(parents=True)
    key.write_bytes(base64.b64encode(KEY))
    for each in ("mail", "spool", "."):
        (here / each).mkdir(exist_ok=True)
        _give(here / each)
    (here / "exim.conf").chmod(0o644)
    return MailServer(here, ports, count(1))


def _give(path: Path) -> None:
    owner = pwd.getpwnam("Debian-exim")
    os.chown(path, owner.pw_uid, owner.pw_gid)


def _wait_for(port: int, here: Path) -> None:
    ends = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            told = "\n".join(path.read_text() for path in here.glob("*.out"))
            assert time.monotonic() < ends, f"nobody listens at {port}: {told}"
            time.sleep(0.02)
        else:
            return


def _certify(here: Path) -> None:
    """Write a certificate for HOST and its key; whoever trusts cert.pem trusts the server."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (here / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    (here / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    )
    (here / "key.pem").chmod(0o644)

"""A real slapd (OpenLDAP) on loopback with a few people; installed where that is allowed.

With `SCREENPOP_TEST_LDAP=required` in the environment its absence fails the tests.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

BASE = "dc=example,dc=com"
ACCOUNT = f"cn=screenpop,{BASE}"
# May bind, and read nothing.
BLIND = f"cn=blind,{BASE}"
# May read two entries and no more.
LIMITED = f"cn=limited,{BASE}"
PASSWORD = "s3cret-d1rectory"

_CONF = """\
modulepath {modules}
moduleload back_mdb
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
pidfile {folder}/pid
argsfile {folder}/args
TLSCertificateFile {folder}/cert.pem
TLSCertificateKeyFile {folder}/key.pem
disallow bind_anon
database mdb
maxsize 10485760
suffix "dc=example,dc=com"
directory {folder}/db
limits dn.exact="cn=limited,dc=example,dc=com" size=2
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="cn=screenpop,dc=example,dc=com" read
  by dn.exact="cn=limited,dc=example,dc=com" read by * none
"""

_ACCOUNTS = "".join(
    f"dn: cn={name},{BASE}\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\n"
    f"cn: {name}\nuserPassword: {PASSWORD}\n\n"
    for name in ("screenpop", "blind", "limited")
)

# Ada and Abe have the same national digits in two countries.
_PEOPLE = f"""\
dn: {BASE}
objectClass: dcObject
objectClass: organization
o: Example
dc: example

{_ACCOUNTS}dn: ou=people,{BASE}
objectClass: organizationalUnit
ou: people

dn: cn=Ada Lovelace,ou=people,{BASE}
objectClass: inetOrgPerson
cn: Ada Lovelace
sn: Lovelace
displayName: Ada L.
entryUUID: 0b1e7e5c-7c2e-4a51-9e52-3f0f6f3f2a01
telephoneNumber: +44 (0)20 7946 0958
mobile: 07700 900123
mail: ada@example.com
preferredLanguage: en
ou: Accounts
labeledURI: https://people.example.com/ada Ada's page

dn: cn=Abe Maine,ou=people,{BASE}
objectClass: inetOrgPerson
cn: Abe Maine
sn: Maine
telephoneNumber: +1 207-946-0958

dn: cn=Bob (Stores),ou=people,{BASE}
objectClass: inetOrgPerson
cn: Bob (Stores)
sn: Stores
telephoneNumber: (020) 7946-0959
telephoneNumber: +44 20 7946 0960
homePhone: 020 7946 0961
labeledURI: javascript:alert(1)

dn:: Y249Wm/DqyBNw7xsbGVyLG91PXBlb3BsZSxkYz1leGFtcGxlLGRjPWNvbQ==
objectClass: inetOrgPerson
cn:: Wm/DqyBNw7xsbGVy
sn:: TcO8bGxlcg==
telephoneNumber: +49 30 5557160
o: Paper & Co

dn: cn=Silent,ou=people,{BASE}
objectClass: inetOrgPerson
cn: Silent
sn: Silent
mail: silent@example.com
"""


def need_slapd() -> str:
    """Return the path of slapd; otherwise skip the test, or fail it, and say why."""
    with (Path(tempfile.gettempdir()) / "screenpop-test-ldap.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        why = None if _slapd() else _install()
    found = _slapd()
    if found:
        return found
    reason = f"no LDAP server to test with: {why}"
    if os.environ.get("SCREENPOP_TEST_LDAP") == "required":
        pytest.fail(reason)
    pytest.skip(f"{reason}. As root: apt-get install slapd")


def _slapd() -> str | None:
    found = shutil.which("slapd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/lib/slapd")
    return found if found and Path("/etc/ldap/schema/inetorgperson.schema").exists() else None


def _install() -> str | None:
    """Install the package; return why not."""
    if shutil.which("apt-get") is None:
        return "there is no apt-get here"
    if os.geteuid() != 0:
        return "only root may install packages"
    # RUNLEVEL=1: the package's own service is not started.
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    install = ["apt-get", "install", "-y", "--no-install-recommends", "slapd"]
    for command in (["apt-get", "update"], install):
        try:
            subprocess.run(
                command, env=env, check=True, capture_output=True, text=True, timeout=240
            )
        except subprocess.TimeoutExpired:
            return f"{' '.join(command[:2])} took too long"
        except subprocess.CalledProcessError as error:
            return f"{' '.join(command[:2])} failed: {error.stderr.strip()[-500:]}"
    return None


@dataclass(frozen=True, slots=True)
class Slapd:
    """A running directory: its two ports, and the folder with `cert.pem` to trust."""

    port: int
    tls_port: int
    folder: Path

    @property
    def url(self) -> str:
        return f"ldap://127.0.0.1:{self.port}"

    @property
    def tls_url(self) -> str:
        return f"ldaps://127.0.0.1:{self.tls_port}"


@contextmanager
def slapd(folder: Path) -> Iterator[Slapd]:
    """Run a directory until the block ends."""
    program = need_slapd()
    _certificate(folder)
    (folder / "db").mkdir()
    conf = folder / "slapd.conf"
    modules = next(p for p in (Path("/usr/lib/ldap"), Path("/usr/lib/openldap")) if p.exists())
    conf.write_text(_CONF.format(folder=folder, modules=modules), encoding="utf-8")
    (folder / "people.ldif").write_text(_PEOPLE, encoding="utf-8")
    add = [program, "-Ta", "-f", str(conf), "-l", str(folder / "people.ldif")]
    subprocess.run(add, check=True, capture_output=True, timeout=30)
    server = Slapd(_free_port(), _free_port(), folder)
    run = [program, "-f", str(conf), "-h", f"{server.url} {server.tls_url}", "-d", "0"]
    with subprocess.Popen(run, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_for(server.tls_port, process)
            yield server
        finally:
            process.terminate()
            process.wait(timeout=20)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 20
    while True:
        assert process.poll() is None, "slapd ended"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert time.monotonic() < until, "slapd does not listen"
        time.sleep(0.02)


def _certificate(folder: Path) -> None:
    """Write a certificate of 127.0.0.1, signed by itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "directory")])
    now = datetime.now(UTC)
    cert = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(cert.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )

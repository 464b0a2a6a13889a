"""Where the dashboard may be reached from: this machine only, or named addresses under conditions.

``trellis serve --public`` checks what belongs to serving other machines and hands it to the server in
its environment; the server checks the same again at every start, however it was started.
"""

import ipaddress
import os
import re
import ssl
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from cryptography import x509

from trellis_core.errors import TrellisError
from trellis_core.settings import Settings

LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
"""The addresses that only this machine reaches."""

_HTTPS_PORT: Final = 443
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NAME: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_LONGEST_NAME: Final = 253
_EVERYWHERE: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - what is compared with, not listened at


class AddressRefusedError(TrellisError):
    """What was given is not a name, an address or a certificate that can be served under."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Public:
    """How other machines reach the dashboard.

    Attributes:
        name: In the browser's address bar.
        port: In the browser's address bar; 443 where it shows none.
        further: Further names that the dashboard answers to.
        proxies: The addresses from which a program that speaks TLS for it asks; None where it
            does so itself.
    """

    name: str
    port: int = _HTTPS_PORT
    further: tuple[str, ...] = ()
    proxies: tuple[str, ...] | None = None

    @property
    def hosts(self) -> tuple[str, ...]:
        """Every name that the dashboard answers to."""
        return (self.name, *self.further)

    @property
    def url(self) -> str:
        """The address in the browser."""
        host = f"[{self.name}]" if ":" in self.name else self.name
        return f"https://{host}" + ("" if self.port == _HTTPS_PORT else f":{self.port}")

    @property
    def host_header(self) -> str:
        """What a browser names as the host."""
        return self.url.removeprefix("https://")

    def environment(self) -> dict[str, str]:
        """Return the variables that tell the server."""
        found = {"TRELLIS_PUBLIC_URL": self.url}
        if self.further:
            found["TRELLIS_PUBLIC_HOSTS"] = " ".join(self.further)
        if self.proxies is not None:
            found["TRELLIS_PROXIES"] = " ".join(self.proxies)
        return found


PUBLIC_VARIABLES: Final = ("TRELLIS_PUBLIC_URL", "TRELLIS_PUBLIC_HOSTS", "TRELLIS_PROXIES")
"""The variables that only ``trellis serve --public`` sets."""


def public_of(settings: Settings) -> Public | None:
    """Return how other machines reach the dashboard; None for this machine only.

    Raises:
        AddressRefusedError: What the settings say cannot be served under.
    """
    if settings.public_url is None:
        return None
    return parse_public(
        settings.public_url,
        further=(settings.public_hosts or "").split(),
        proxies=None if settings.proxies is None else settings.proxies.split(),
    )


def parse_public(url: str, *, further: Sequence[str], proxies: Sequence[str] | None) -> Public:
    """Read an address that browsers will use, with the names and proxies that belong to it.

    Example:
        >>> parse_public("https://trellis.example.org", further=(), proxies=None).hosts
        ('trellis.example.org',)

    Raises:
        AddressRefusedError: It is not one.
    """
    try:
        parts = urlsplit(url)
        port, name = parts.port, parts.hostname
    except ValueError:
        port, name, parts = None, None, urlsplit("")
    if (
        parts.scheme != "https"
        or name is None
        or parts.username is not None
        or parts.path not in {"", "/"}
        or parts.query
        or parts.fragment
        or port == 0
    ):
        raise AddressRefusedError(
            f"'{url}' is not an address to serve under. Write https and the name that people type, "
            "for example https://trellis.example.org."
        )
    return Public(
        name=host_name(name),
        port=port or _HTTPS_PORT,
        further=tuple(host_name(each) for each in further),
        proxies=None if proxies is None else tuple(address(each) for each in proxies),
    )


def host_name(text: str) -> str:
    """Return a host's name in small letters: exactly one name, no pattern.

    Example:
        >>> host_name("Trellis.Example.org.")
        'trellis.example.org'

    Raises:
        AddressRefusedError: It is not a name, or one for every address.
    """
    folded = text.strip().casefold().rstrip(".").removeprefix("[").removesuffix("]")
    try:
        read = ipaddress.ip_address(folded)
    except ValueError:
        if len(folded) > _LONGEST_NAME or not _NAME.fullmatch(folded):
            raise AddressRefusedError(
                f"'{text}' is not the name of one host. Name each one in full, without * and "
                "without a port, for example trellis.example.org."
            ) from None
        return folded
    if str(read) in _EVERYWHERE:
        raise AddressRefusedError(
            f"'{text}' stands for every address, not for a host. Name what people type into their "
            "browser, for example trellis.example.org."
        )
    return str(read)


def address(text: str) -> str:
    """Return a network address as it is compared with others.

    Raises:
        AddressRefusedError: It is not one.
    """
    try:
        return str(ipaddress.ip_address(text.strip()))
    except ValueError:
        raise AddressRefusedError(
            f"'{text}' is not the address of a machine, like 10.0.0.5 or ::1."
        ) from None


def certificate_problems(
    cert: Path, key: Path, names: Sequence[str], *, now: datetime
) -> list[str]:
    """Return what speaks against serving names with a certificate and its key."""
    found: list[str] = []
    for what, path in (("certificate", cert), ("key", key)):
        if not path.is_file() or not os.access(path, os.R_OK):
            found.append(f"The {what} {path} cannot be read.")
    if found:
        return found
    if os.name == "posix" and key.stat().st_mode & stat.S_IRWXO:
        found.append(
            f"Everybody on this machine may open the key {key}. Close it to them (chmod 640 or 600)."
        )

    def no_passphrase() -> str:
        raise AddressRefusedError(
            f"The key {key} is locked with a passphrase, which nobody could type at a start of the "
            "machine. Give the server one without, closed to others (chmod 600)."
        )

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key, password=no_passphrase)
        first = x509.load_pem_x509_certificates(cert.read_bytes())[0]
    except AddressRefusedError as error:
        return [*found, str(error)]
    except (ssl.SSLError, ValueError):
        return [*found, f"The certificate {cert} and the key {key} are not a pair in PEM form."]
    if first.not_valid_after_utc <= now:
        found.append(
            f"The certificate {cert} ended on {first.not_valid_after_utc.date()}. Renew it."
        )
    if first.not_valid_before_utc > now:
        found.append(f"The certificate {cert} begins on {first.not_valid_before_utc.date()} only.")
    missing = [name for name in names if not _covers(first, name)]
    if missing:
        found.append(f"The certificate {cert} is not for {', '.join(missing)}; browsers refuse it.")
    return found


def _covers(certificate: x509.Certificate, name: str) -> bool:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False
    if name in {str(each) for each in names.get_values_for_type(x509.IPAddress)}:
        return True
    parent = name.partition(".")[2]
    listed = {each.casefold() for each in names.get_values_for_type(x509.DNSName)}
    return name in listed or (bool(parent) and f"*.{parent}" in listed)

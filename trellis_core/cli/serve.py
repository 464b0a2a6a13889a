"""``trellis serve``: the dashboard on the practice's own store, for this machine or, encrypted, for others."""

import argparse
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trellis_core.cli._server_process import (
    DEFAULT_PORT,
    LOCAL_ADDRESS,
    Serving,
    add_server_options,
    free_port,
    refuse_other_machines,
    run_server,
)
from trellis_core.cli.common import Subparsers, open_store_of, store_url_of
from trellis_core.errors import CommandRefusedError, StoreError, TrellisError
from trellis_core.secret import SecretRefusedError, read_secret
from trellis_core.services.by_hand import note_command
from trellis_core.services.practice import has_practice, is_sample
from trellis_core.serving import (
    LOOPBACK,
    AddressRefusedError,
    Public,
    address,
    certificate_problems,
    parse_public,
)
from trellis_core.settings import Settings, load_settings, sqlite_url
from trellis_core.store.engine import open_store
from trellis_core.values.clock import SystemClock

_EVERYWHERE: Final = "0.0.0.0"  # noqa: S104 - asked for by --public, with encryption
_HTTPS_PORT: Final = 443
_ONE_IS_NEEDED: Final = (
    "There is no secret. Write 32 bytes or more into a file that only you may read, and name it in "
    "TRELLIS_SECRET_FILE: (umask 077; openssl rand -hex 32 > trellis.secret)"
)
_GUIDE: Final = "How: docs/guide/public.md"


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "serve",
        help="open the dashboard on the practice's own store",
        description="Open the dashboard on the practice's own store: for this machine only, or with "
        "--public for others, encrypted, under the names that you give. " + _GUIDE,
    )
    parser.add_argument(
        "--store",
        metavar="URL",
        help="the practice's store; else DATABASE_URL, else a file in your data folder",
    )
    parser.add_argument(
        "--host",
        metavar="HOST",
        help="127.0.0.1 or localhost; with --public the name in people's browsers",
    )
    add_server_options(parser)
    public = parser.add_argument_group(
        "for other machines",
        "Needs TRELLIS_SECRET_FILE or TRELLIS_SECRET, and encryption: of its own or a proxy's.",
    )
    public.add_argument("--public", action="store_true", help="let other machines in")
    public.add_argument("--cert", type=Path, metavar="FILE", help="certificate with its chain, PEM")
    public.add_argument("--key", type=Path, metavar="FILE", help="the certificate's key, PEM")
    public.add_argument(
        "--behind-proxy",
        metavar="URL",
        help="https and the name, where another program speaks TLS and passes requests on",
    )
    public.add_argument(
        "--allowed-host", action="append", default=[], metavar="NAME", help="a further name; again"
    )
    public.add_argument(
        "--listen",
        metavar="ADDRESS",
        help=f"else {_EVERYWHERE} with --cert, {LOCAL_ADDRESS} with --behind-proxy",
    )
    public.add_argument(
        "--proxy-from",
        action="append",
        default=[],
        metavar="ADDRESS",
        help="where the proxy asks from, if not from this machine; again",
    )


def run(args: argparse.Namespace) -> int:
    """Serve the dashboard until it is stopped."""
    serving = _public(args) if args.public else _local(args)
    with closing(open_store(serving.url)) as store:
        note_command("serve public" if args.public else "serve", store=store)
    opens_browser = not (args.no_browser or args.public)
    return run_server(serving, opens_browser=opens_browser, is_json=args.json)


def _local(args: argparse.Namespace) -> Serving:
    given = {
        "--cert": args.cert,
        "--key": args.key,
        "--behind-proxy": args.behind_proxy,
        "--allowed-host": args.allowed_host,
        "--listen": args.listen,
        "--proxy-from": args.proxy_from,
    }
    if named := [option for option, value in given.items() if value]:
        raise CommandRefusedError(
            "NOT_PUBLIC", f"{', '.join(named)}: belongs to serving other machines. Add --public."
        )
    refuse_other_machines(args.host)
    listen = args.host or LOCAL_ADDRESS
    port = free_port(args.port, at=listen)
    store = open_store_of(args)
    store.close()
    url = store_url_of(args) if store.path is None else sqlite_url(store.path)
    return Serving(url=url, listen=listen, port=port)


# --- for other machines ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Checked:
    """A part of what was asked for, or what speaks against it."""

    problems: Sequence[str] = ()
    public: Public | None = None
    listen: str = LOCAL_ADDRESS
    url: str = ""


def _public(args: argparse.Namespace) -> Serving:
    """Return what is served to other machines.

    Raises:
        CommandRefusedError: Something is missing or unsafe; every such thing is said at once.
    """
    settings = load_settings()
    reached, kept = _reached(args), _kept(args, settings)
    problems = [*reached.problems, *_secret_problems(settings), *kept.problems]
    if problems or reached.public is None:
        listed = "\n".join(f"  - {problem}" for problem in problems)
        raise CommandRefusedError(
            "NOT_PUBLIC", f"This is not served to other machines yet.\n{listed}\n  {_GUIDE}"
        )
    secret = read_secret(settings)
    extra = {} if secret is None else {"STREAMLIT_SERVER_COOKIE_SECRET": secret.cookie_secret}
    return Serving(
        url=kept.url,
        listen=reached.listen,
        port=free_port(args.port, at=reached.listen, may_move=False),
        public=reached.public,
        cert=None if args.cert is None else (args.cert.absolute(), args.key.absolute()),
        extra=extra,
    )


def _reached(args: argparse.Namespace) -> _Checked:
    """Check the encryption and the names."""
    problems: list[str] = []
    if args.behind_proxy is not None and (args.cert or args.key):
        problems.append("Either --cert with --key, or --behind-proxy: one program speaks TLS.")
    elif args.behind_proxy is None and not (args.cert and args.key):
        problems.append(
            "There is no encryption. Give --cert FILE and --key FILE, or --behind-proxy https://NAME "
            "where another program speaks TLS."
        )
    public = None
    try:
        public = _behind_proxy(args) if args.behind_proxy is not None else _by_itself(args)
    except AddressRefusedError as error:
        problems.append(str(error))
    if public is not None and public.proxies is None and args.cert and args.key:
        now = SystemClock().now()
        problems += certificate_problems(args.cert, args.key, public.hosts, now=now)
    listen = LOCAL_ADDRESS if args.behind_proxy is not None else _EVERYWHERE
    try:
        listen = listen if args.listen is None else address(args.listen)
    except AddressRefusedError as error:
        problems.append(str(error))
    if args.behind_proxy is not None and listen not in LOOPBACK and not args.proxy_from:
        problems.append(
            f"--listen {listen} lets every machine ask. Say where the proxy asks from: --proxy-from."
        )
    if args.behind_proxy is None and args.proxy_from:
        problems.append("--proxy-from belongs to --behind-proxy.")
    return _Checked(problems, public, listen)


def _behind_proxy(args: argparse.Namespace) -> Public:
    further = [*([args.host] if args.host else []), *args.allowed_host]
    proxies = (LOCAL_ADDRESS, "::1", *args.proxy_from)
    return parse_public(args.behind_proxy, further=further, proxies=proxies)


def _by_itself(args: argparse.Namespace) -> Public:
    names = [*([args.host] if args.host else []), *args.allowed_host]
    if not names:
        raise AddressRefusedError(
            "There is no name. Give the one that people type into their browser: --host NAME."
        )
    port = args.port or DEFAULT_PORT
    shown = "" if port == _HTTPS_PORT else f":{port}"
    first = f"[{names[0]}]" if ":" in names[0] and not names[0].startswith("[") else names[0]
    return parse_public(f"https://{first}{shown}", further=names[1:], proxies=None)


def _secret_problems(settings: Settings) -> list[str]:
    try:
        secret = read_secret(settings)
    except SecretRefusedError as error:
        return [str(error)]
    if secret is not None:
        return []
    return [_ONE_IS_NEEDED]


def _kept(args: argparse.Namespace, settings: Settings) -> _Checked:
    """Check that the store was named and holds a practice of real people."""
    if not (args.store or settings.database_url):
        return _Checked(["The store is not named. Give --store URL, or set DATABASE_URL."])
    problem = None
    try:
        store = open_store_of(args)
    except StoreError as error:
        return _Checked([str(error)])
    try:
        if not has_practice(store=store):
            problem = "This store holds no practice yet. Run 'trellis init' on it first."
        elif is_sample(store=store):
            problem = (
                "This store holds the sample practice, which anybody could enter. Name your own."
            )
    except TrellisError as error:
        problem = str(error)
    finally:
        store.close()
    url = store_url_of(args) if store.path is None else sqlite_url(store.path)
    return _Checked([problem] if problem else [], url=url)

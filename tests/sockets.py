"""Sockets are refused while tests run, except to this machine: nothing here calls home.

An audit hook sees each attempt, also one whose failure a library swallows.
"""

from __future__ import annotations

import ipaddress
import socket
import sys
import traceback
from typing import Any

_LOOKUPS = ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyname_ex")
_HERE = {None, "", "localhost", "localhost.localdomain", socket.gethostname(), socket.getfqdn()}

outside: list[str] = []
"""What was tried since a test began, with the way there."""


def refuse_outside() -> None:
    """From now on, in this process and for good: an audit hook cannot be taken away."""
    sys.addaudithook(_hook)


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _LOOKUPS:
        host = arguments[0]
    elif event == "socket.connect" and _sends(arguments[0]):
        host = arguments[1][0]
    else:
        return
    host = host.decode() if isinstance(host, bytes) else host
    if host not in _HERE and not (_is_local(host) or (event in _LOOKUPS and _is_number(host))):
        outside.append(f"{event} {host}\n" + "".join(traceback.format_stack(limit=12)))
        raise PermissionError(f"tests may not call {host}")


def _sends(one: socket.socket) -> bool:
    """Connecting a socket of datagrams sends nothing; Ray learns this machine's address by it."""
    return one.family in (socket.AF_INET, socket.AF_INET6) and one.type == socket.SOCK_STREAM


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def _is_local(host: str) -> bool:
    if not _is_number(host):
        return False
    address = ipaddress.ip_address(host.partition("%")[0])
    return address.is_loopback or address.is_unspecified or host in _own_addresses()


def _own_addresses() -> set[str]:
    try:
        return {str(one[4][0]) for one in socket.getaddrinfo(socket.gethostname(), None)}
    except OSError:  # a machine that has no entry for its name
        return set()

"""The address that a server listens on: taken before anything else is done, so that nothing is half started."""

import errno
import socket

from hubbub.cli.error import Failure


def bind(host: str, port: int) -> list[socket.socket]:
    """Take a port on all addresses of a host, and do not listen yet. Raises Failure, which says what to do."""
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise Failure(
            f"There is no address {host!r}: choose another with --host, such as 127.0.0.1 for this machine only or"
            " 0.0.0.0 for all."
        ) from error
    taken: list[socket.socket] = []
    failed: OSError | None = None
    for family, kind, protocol, _, address in dict.fromkeys(found):
        try:
            taken.append(_bind(family, kind, protocol, address, taken[0].getsockname()[1] if taken else port))
        except OSError as error:
            failed = error
            if error.errno == errno.EADDRINUSE:
                break
    if failed and (not taken or failed.errno == errno.EADDRINUSE):
        for one in taken:
            one.close()
        raise Failure(_reason(failed, host, port)) from failed
    return taken


def _bind(family: int, kind: int, protocol: int, address: tuple[object, ...], port: int) -> socket.socket:
    one = socket.socket(family, kind, protocol)
    try:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        one.setblocking(False)
        one.bind((address[0], port, *address[2:]))
    except BaseException:
        one.close()
        raise
    return one


def _reason(error: OSError, host: str, port: int) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return (
                f"Port {port} is in use, perhaps by another Hubbub: end that program, or choose another port with"
                f" --port (such as --port {port + 1 if port < 65_535 else 8420}) or HUBBUB_PORT."
            )
        case errno.EADDRNOTAVAIL:
            return (
                f"{host} is no address of this machine: choose another with --host, such as 127.0.0.1 for this machine"
                " only or 0.0.0.0 for all."
            )
        case errno.EACCES:
            return f"Only the system's administrator may take port {port}: choose one from 1024 on with --port."
        case _:
            return f"{host} port {port} cannot be listened on ({error.strerror}): choose others with --host and --port."


def url_of(host: str, port: int) -> str:
    """Give the address to type into a browser on this machine."""
    if host in ("", "0.0.0.0", "::"):  # noqa: S104  # compared, not listened on
        host = "localhost"
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"

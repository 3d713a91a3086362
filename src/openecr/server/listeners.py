"""Sockets to accept from, and certificates."""

import socket
import ssl
from pathlib import Path

BACKLOG = 1024


class CannotListen(Exception):
    """The address cannot be had: in use, not ours, or no address at all."""


def open_listeners(host: str, port: int, workers: int) -> list[list[socket.socket]]:
    """For each worker one socket per address of the host, all on one port.

    port    0 takes a free one, the same for all
    Several workers share the port by SO_REUSEPORT; that no other server has it is made sure first, for
    the kernel would share it with that one too. Raises CannotListen.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        addresses = list(dict.fromkeys((family, address[0]) for family, _, _, _, address in found))
        if workers > 1:
            for family, address in addresses:
                probe = _bound(family, str(address), port, is_shared=False)
                port = probe.getsockname()[1]
                probe.close()
        listeners: list[list[socket.socket]] = []
        for _ in range(workers):
            listeners.append([])
            for family, address in addresses:
                listener = _bound(family, str(address), port, is_shared=workers > 1)
                port = listener.getsockname()[1]
                listener.listen(BACKLOG)
                listeners[-1].append(listener)
    except OSError as error:
        raise CannotListen(f"cannot listen on {host} port {port}: {error.strerror}") from error
    return listeners


def port_of(listener: socket.socket) -> int:
    port: int = listener.getsockname()[1]
    return port


def _bound(family: int, address: str, port: int, *, is_shared: bool) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if is_shared:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, address != "::")
        listener.setblocking(False)
        listener.bind((address, port))
    except OSError:
        listener.close()
        raise
    return listener


class Certificate:
    """A certificate and its key, read again when the files change: new connections get the new one.

    What cannot be used, such as a certificate whose key has not been written yet, leaves the one before in
    use, and raises OSError (ssl.SSLError is one).
    """

    def __init__(self, certificate: Path, key: Path | None) -> None:
        self._certificate = certificate
        self._key = key
        self._seen = self._stamp()
        self._newest = self._read()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.context.sni_callback = self._give_newest

    def reload(self) -> None:
        self._newest = self._read()

    def reload_if_changed(self) -> bool:
        """Whether it was read anew."""
        stamp = self._stamp()
        if stamp == self._seen:
            return False
        self.reload()
        self._seen = stamp
        return True

    def _read(self) -> ssl.SSLContext:
        """Into a context of its own: one that is in use would for a moment have a certificate and no key.

        Versions are the listening context's to say; all that is chosen after the callback is this one's."""
        read = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        read.set_alpn_protocols(["http/1.1"])
        read.load_cert_chain(self._certificate, self._key)
        return read

    def _give_newest(self, connection: ssl.SSLObject, _name: str | None, _of: ssl.SSLContext) -> None:
        """Called at the beginning of each handshake, whether the client names a server or not."""
        connection.context = self._newest

    def _stamp(self) -> list[tuple[int, int]]:
        files = [self._certificate, *([] if self._key is None else [self._key])]
        return [(each.stat().st_mtime_ns, each.stat().st_ino) for each in files]

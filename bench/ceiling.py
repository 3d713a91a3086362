"""The most a Python server could do for an upload: receive, hash, write, sync, rename; nothing else.

`python -m bench.ceiling PORT DIRECTORY`. A thread per connection, one MiB at a time, no routes, no metadata,
hardly any HTTP: it understands exactly what `client.upload` sends. It is no server, but the yardstick for
uploads that moves with the machine: with its disk and with its rate of SHA-256.
"""

import hashlib
import os
import socket
import sys
import threading
import uuid
from pathlib import Path

CHUNK_BYTES = 1 << 20


def main(port: int, directory: Path) -> None:
    listener = socket.create_server(("127.0.0.1", port), backlog=64)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_serve, args=(connection, directory), daemon=True).start()


def _serve(connection: socket.socket, directory: Path) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    buffer = memoryview(bytearray(CHUNK_BYTES))
    digest = ""
    while head := _receive_head(connection):
        first, _, rest = head.partition(b"\r\n\r\n")
        method, target = first.split()[:2]
        if method == b"PATCH":
            digest = _receive_body(connection, directory / target.decode()[1:], _length(first), rest, buffer)
            status = f"202 Accepted\r\nLocation: {target.decode()}"
        elif method == b"PUT":
            name, _, asked = target.decode()[1:].partition("?digest=sha256:")
            _commit(directory, name, asked)
            status = "201 Created" if asked == digest else "400 Bad Request"
        else:
            status = f"202 Accepted\r\nLocation: /{uuid.uuid4().hex}"
        connection.sendall(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())


def _receive_head(connection: socket.socket) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head:
        data = connection.recv(4096)
        if not data:
            return b""
        head += data
    return head


def _length(head: bytes) -> int:
    return int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])


def _receive_body(connection: socket.socket, path: Path, left: int, rest: bytes, buffer: memoryview) -> str:
    running = hashlib.sha256(rest)
    with path.open("wb", buffering=0) as file:
        file.write(rest)
        left -= len(rest)
        while left:
            count = connection.recv_into(buffer, min(left, CHUNK_BYTES), socket.MSG_WAITALL)
            if not count:
                raise ConnectionResetError("the client went away in the middle of a body")
            running.update(buffer[:count])
            file.write(buffer[:count])
            left -= count
        os.fsync(file.fileno())
    return running.hexdigest()


def _commit(directory: Path, name: str, digest: str) -> None:
    (directory / name).rename(directory / digest)
    folder = os.open(directory, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))

"""Which of a server's processes a connection came to, as the kernel tells."""

import os
from contextlib import suppress
from pathlib import Path

from tests.cli.commands import children


def owners_of(server, ports):
    """The workers that have accepted the connections of clients with these ports."""
    owners = {inode: worker for worker in children(server.daemon.pid) for inode in sockets_of(worker)}
    inodes = server_sides(int(server.url.rpartition(":")[2]))
    return [owners[inodes[port]] for port in ports]


def server_sides(port):
    """The sockets that the server has accepted on the port, by the port of the client. Source: proc(5)."""
    found = {}
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        local, remote = (int(address.partition(":")[2], 16) for address in fields[1:3])
        if local == port:
            found[remote] = fields[9]
    return found


def sockets_of(worker):
    """The inodes of a process's sockets."""
    inodes = set()
    for each in Path(f"/proc/{worker}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed since it was listed
            inodes.add(os.readlink(each).removeprefix("socket:[").removesuffix("]"))
    return inodes

"""The clients of these tests, each in a home of its own, and the server they speak to.

One openecr serves the whole session; every test has repositories of its own. Programs keep what they
store in a folder that goes away with the test, so a pull always comes over the wire. Plain http to
loopback, as on a developer's machine. How each program is started without an engine service, and
what it insists on, stands with its fixture.
"""

import itertools
import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests.builders import Image
from tests.clients.cluster import Cluster
from tests.clients.layouts import Layout, a_file_system
from tests.clients.programs import Daemon, Program
from tests.clients.server import ACCOUNT, REGION, Server

HERE = Path(__file__).parent
LIMIT_SECONDS = 600  # for one test
HTTP = ("--tls-verify=false",)
WITH_HOSTS = 'mount --bind "$0" /etc/hosts && exec "$@"'
CONTAINERD = """
version = 2
root = "{folder}/containerd"
state = "{folder}/containerd-run"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = "{socket}"
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.timeout(LIMIT_SECONDS))


@pytest.fixture(scope="session", autouse=True)
def root() -> None:
    if os.geteuid() != 0:
        pytest.fail(
            "The tests of real clients need root: podman, containerd and dockerd unpack images as it."
        )


# The server.


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with a_folder() as data:
        server = Server(data)
        yield server
        server.stop()


@pytest.fixture
def own_server(folder) -> Iterator[Server]:
    """One that a test may kill or measure."""
    server = Server(folder / "data")
    yield server
    server.kill()


@pytest.fixture(scope="session")
def ecr(server):
    return server.client("ecr")


@pytest.fixture(scope="session")
def ecr_public(server):
    return server.client("ecr-public")


@pytest.fixture(scope="session")
def password(server) -> str:
    return server.password()


@pytest.fixture
def hosts(server) -> dict[str, str]:
    """How image names begin, by the way they name the registry."""
    port = server.address.partition(":")[2]
    return {
        "host": f"{ACCOUNT}.dkr.ecr.{REGION}.registry.test:{port}",
        "path": f"{server.address}/{ACCOUNT}.dkr.ecr.{REGION}",
        "plain": server.address,
    }


@dataclass(frozen=True)
class Repository:
    """A repository, and how image names of it begin."""

    name: str
    uri: str


@pytest.fixture(scope="session")
def numbers() -> Iterator[int]:
    return itertools.count(1)


@pytest.fixture
def create_repository(ecr, request, numbers) -> Callable[..., Repository]:
    """Makes repositories named after the test; takes the end of the name, and what CreateRepository takes."""
    test = request.node.originalname.removeprefix("test_").replace("_", "-")

    def create(end: str = "", **parameters: Any) -> Repository:
        name = f"{test}/{next(numbers)}/{end}".removesuffix("/")
        answer = ecr.create_repository(repositoryName=name, **parameters)
        return Repository(name, answer["repository"]["repositoryUri"])

    return create


@pytest.fixture
def repository(create_repository) -> Repository:
    return create_repository()


@pytest.fixture
def cluster(folder) -> Cluster:
    return Cluster(folder)


# The programs. Those that read REGISTRY_AUTH_FILE or DOCKER_CONFIG are logged in, as a user would.


@pytest.fixture
def folder() -> Iterator[Path]:
    with a_folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def environment() -> Iterator[dict[str, str]]:
    """What every client is started with: nothing of the user's, no proxies, no credentials."""
    with a_folder() as home:
        yield {"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(home), "LC_ALL": "C.UTF-8"}


@pytest.fixture
def skopeo(environment, folder, server) -> Program:
    skopeo = Program(
        ("skopeo",),
        {**environment, "REGISTRY_AUTH_FILE": f"{folder}/skopeo-login.json"},
        flags=dict.fromkeys(["login", "inspect", "list-tags", "delete"], HTTP)
        | dict.fromkeys(["copy", "sync"], ("--src-tls-verify=false", "--dest-tls-verify=false")),
    )
    server.log_in(skopeo)
    return skopeo


@pytest.fixture
def skopeo_anywhere(skopeo, server, hosts, folder) -> Program:
    """A skopeo for which the name of the host form leads to loopback, logged in there as well."""
    name = hosts["host"].partition(":")[0]
    (folder / "hosts").write_text(f"127.0.0.1 localhost {name}\n")
    anywhere = replace(
        skopeo, command=("unshare", "--mount", "sh", "-c", WITH_HOSTS, folder / "hosts", *skopeo.command)
    )
    server.log_in(anywhere, address=hosts["host"])
    return anywhere


@pytest.fixture
def podman(environment, folder, server) -> Program:
    podman = Program(
        ("podman", f"--root={folder}/podman", f"--runroot={folder}/podman-run", "--storage-driver=vfs"),
        {**environment, "REGISTRY_AUTH_FILE": f"{folder}/podman-login.json"},
        flags=dict.fromkeys(["login", "push", "pull", "search"], HTTP),
    )
    server.log_in(podman)
    return podman


@pytest.fixture
def buildah(environment, folder, server) -> Program:
    buildah = Program(
        ("buildah", f"--root={folder}/buildah", f"--runroot={folder}/buildah-run", "--storage-driver=vfs"),
        {**environment, "REGISTRY_AUTH_FILE": f"{folder}/buildah-login.json", "BUILDAH_ISOLATION": "chroot"},
        flags=dict.fromkeys(["login", "from", "push", "build", "manifest push"], HTTP),
    )
    server.log_in(buildah)
    return buildah


@pytest.fixture
def containerd(environment, folder) -> Iterator[Path]:
    """A containerd of its own. returns its socket"""
    socket = folder / "containerd.sock"
    config = folder / "containerd.toml"
    config.write_text(CONTAINERD.format(folder=folder, socket=socket))
    booted = "containerd successfully booted"
    with Daemon("containerd", "--config", config, ready=booted, environment=environment):
        yield socket


@pytest.fixture
def ctr(environment, containerd, password) -> Program:
    """containerd's client, told the password each time. It unpacks images into plain folders."""
    registry = ("--plain-http", "--user", f"AWS:{password}")
    return Program(
        ("ctr", f"--address={containerd}", "--namespace=tests"),
        environment,
        flags={
            "images push": registry,
            "images pull": (*registry, "--snapshotter=native"),
            "content fetch": registry,
            "images import": ("--no-unpack", "--all-platforms"),
        },
    )


@pytest.fixture
def docker(environment, folder, containerd, server) -> Iterator[Program]:
    """A Docker engine of its own, and its client. Both take http from loopback (moby, registry/config.go)."""
    socket = f"unix://{folder}/docker.sock"
    docker = Program(
        ("docker",),
        {
            **environment,
            "DOCKER_HOST": socket,
            "DOCKER_CONFIG": f"{folder}/docker-login",
            "DOCKER_API_VERSION": "1.41",  # that of Debian's engine, also where the client is newer
            "DOCKER_BUILDKIT": "0",
        },
    )
    with Daemon(
        "dockerd", f"--host={socket}", f"--containerd={containerd}", f"--pidfile={folder}/docker.pid",
        f"--data-root={folder}/docker", f"--exec-root={folder}/docker-run",
        "--storage-driver=vfs", "--bridge=none", "--iptables=false", "--ip6tables=false",
        ready="API listen on", environment=environment,
    ):  # fmt: skip
        server.log_in(docker)
        yield docker


@pytest.fixture
def anonymous(folder) -> Callable[[Program], Program]:
    """Makes of a program the same program, logged in nowhere."""

    (folder / "no-login.json").write_text("{}")

    def forget(program: Program) -> Program:
        return replace(
            program,
            environment={
                **program.environment,
                "REGISTRY_AUTH_FILE": f"{folder}/no-login.json",
                "DOCKER_CONFIG": f"{folder}/no-login",
            },
        )

    return forget


# The images.


@dataclass(frozen=True)
class Debian:
    """A Debian 12 root file system, and an image of it.

    files    a tar file of it, for those who make images
    layout   the folder of the layout with the image; source, how programs are told of it there
    digest   of the image's manifest
    """

    files: Path
    layout: Path
    source: str
    digest: str

    def read(self, path: str) -> bytes:
        """A file of it, by which a copy of it is known."""
        with tarfile.open(self.files) as files:
            content = files.extractfile(f"./{path}")
            assert content is not None
            return content.read()


@pytest.fixture
def busybox(folder) -> Path:
    """A folder with one file in it, `sh`, that runs without any other: the least that a container can run."""
    (folder / "busybox").mkdir()
    return Path(shutil.copy("/bin/busybox", folder / "busybox" / "sh")).parent


@pytest.fixture(scope="session")
def debian() -> Debian:
    """Made once per machine, by debootstrap and umoci; OPENECR_CLIENTS_CACHE says where it is kept."""
    default = Path(tempfile.gettempdir()) / "openecr-clients"
    cache = Path(os.environ.get("OPENECR_CLIENTS_CACHE", default))
    if not cache.exists():
        cache.parent.mkdir(parents=True, exist_ok=True)
        with a_folder(cache.parent) as folder:
            make_debian(folder)
            (folder / "made").rename(cache)
    (manifest,) = json.loads((cache / "layout" / "index.json").read_text())["manifests"]
    return Debian(
        cache / "bookworm.tar", cache / "layout", f"oci:{cache}/layout:bookworm", manifest["digest"]
    )


def make_debian(folder: Path) -> None:
    made = folder / "made"
    root = folder / "root"
    layout = made / "layout"
    image = f"{layout}:bookworm"
    made.mkdir()
    for command in [
        ["debootstrap", "--variant=minbase", "bookworm", root],
        ["chroot", root, "apt-get", "clean"],
        ["tar", "--create", "--file", made / "bookworm.tar", "--directory", root, "."],
        ["umoci", "init", "--layout", layout],
        ["umoci", "new", "--image", image],
        ["umoci", "insert", "--image", image, root, "/"],
        ["umoci", "config", "--image", image, "--config.cmd", "/bin/bash"],
        ["umoci", "gc", "--layout", layout],
    ]:
        Program((), os.environ)(*command)


@pytest.fixture
def layout(folder) -> Layout:
    """An empty layout to put images in."""
    return Layout(folder / "layout")


@pytest.fixture
def image(request) -> Image:
    """An image of one small layer with one file, `etc/motd`, that has the name of the test.

    A layer of its own, because containers/image remembers per machine which other compression of the same
    files a registry has, and pushes a reference to that (blob-info-cache).
    """
    return a_file_system({"etc/motd": request.node.name.encode()})


@pytest.fixture
def source(layout, image) -> str:
    """How skopeo is told of `image`."""
    return layout.add(image, "small")


@contextmanager
def a_folder(parent: Path | None = None) -> Iterator[Path]:
    """A folder that goes away. Its name is short, as the path of a Unix socket must be."""
    with tempfile.TemporaryDirectory(prefix="openecr-", dir=parent) as folder:
        yield Path(folder)

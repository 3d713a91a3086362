"""The four ways to name a registry, all on one server: by Host, by `?ns=`, by path, and plainly.

Source: data-plane.md §5.4.
"""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.clients.server import ACCOUNT, REGION


@pytest.mark.parametrize("form", ["host", "path", "plain"])
def test_what_is_pushed_by_one_name_is_pulled_by_all(
    skopeo_anywhere, hosts, repository, image, source, folder, form
):
    skopeo_anywhere("copy", source, f"docker://{hosts[form]}/{repository.name}:1.0")

    for other, host in hosts.items():
        pulled = folder / other
        skopeo_anywhere("copy", f"docker://{host}/{repository.name}:1.0", f"dir:{pulled}")
        assert (pulled / "manifest.json").read_bytes() == image.content
        tags = json.loads(skopeo_anywhere("list-tags", f"docker://{host}/{repository.name}"))
        assert tags["Tags"] == ["1.0"]


def test_the_plain_form_is_what_the_api_gives_out(repository, hosts):
    assert repository.uri == f"{hosts['plain']}/{repository.name}"


def test_containerd_pulls_an_unchanged_name_of_aws_through_a_mirror(
    skopeo, ctr, server, password, repository, image, source, folder
):
    """By `?ns=`, with no name resolved but that of the mirror."""
    registry = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
    skopeo("copy", source, f"docker://{repository.uri}:1.0")
    mirror(folder / "certs.d" / registry, server.url)

    name = f"{registry}/{repository.name}:1.0"
    login = f"--user=AWS:{password}"
    ctr = replace(ctr, flags={})
    ctr("images", "pull", f"--hosts-dir={folder}/certs.d", login, "--snapshotter=native", name)

    assert ctr("content", "get", image.digest) == image.manifest


def test_each_region_has_a_registry_of_its_own(skopeo, server, repository, image, source):
    """Reached by path, each with the password it gave out, past the login to the host."""
    elsewhere = f"{server.address}/{ACCOUNT}.dkr.ecr.eu-west-1/{repository.name}:1.0"
    password = server.password("eu-west-1")
    skopeo("copy", source, f"docker://{repository.uri}:1.0")

    push = ("copy", f"--dest-creds=AWS:{password}", source, f"docker://{elsewhere}")
    assert f"The repository with name '{repository.name}' does not exist" in skopeo.refused(*push)
    server.client("ecr", "eu-west-1").create_repository(repositoryName=repository.name)
    skopeo(*push)

    digest = skopeo("inspect", f"--creds=AWS:{password}", "--format={{.Digest}}", f"docker://{elsewhere}")
    assert digest == image.digest
    assert "denied" in skopeo.refused("inspect", f"docker://{elsewhere}")  # the password of us-east-1


def mirror(folder: Path, url: str) -> None:
    """Tell containerd to pull from there instead. Source: containerd, docs/hosts.md."""
    folder.mkdir(parents=True)
    (folder / "hosts.toml").write_text(f'[host."{url}"]\ncapabilities = ["pull", "resolve"]\n')

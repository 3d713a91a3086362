"""oras, the Python client for artifacts, by either of the two ways in that it knows."""

import json

import pytest
from oras.client import OrasClient
from oras.oci import Subject

from tests.builders import OCI_MANIFEST


@pytest.fixture(params=["basic", "token"])
def oras(request, server, password, folder, monkeypatch) -> OrasClient:
    monkeypatch.setenv("HOME", str(folder))  # where it looks for logins, too
    monkeypatch.chdir(folder)  # it pushes only what is below
    oras = OrasClient(hostname=server.address, insecure=True, auth_backend=request.param)
    oras.login("AWS", password, hostname=server.address, config_path=str(folder / "oras-login.json"))
    return oras


def test_files_are_pushed_and_pulled(oras, repository, folder):
    (folder / "notes.txt").write_text("well done")
    (folder / "picture.png").write_bytes(bytes(range(256)))

    oras.push(f"{repository.uri}:1.0", files=["notes.txt:text/plain", "picture.png:image/png"])
    oras.pull(f"{repository.uri}:1.0", outdir=str(folder / "pulled"))

    for name in ["notes.txt", "picture.png"]:
        assert (folder / "pulled" / name).read_bytes() == (folder / name).read_bytes()
    layers = oras.get_manifest(f"{repository.uri}:1.0")["layers"]
    assert [layer["mediaType"] for layer in layers] == ["text/plain", "image/png"]


def test_a_file_is_pushed_in_chunks(oras, repository, folder):
    content = bytes(range(256)) * 4096 * 5  # 5 MiB
    (folder / "big.bin").write_bytes(content + b"and a short last one")

    oras.push(f"{repository.uri}:big", files=["big.bin"], do_chunked=True, chunk_size=1 << 20)
    oras.pull(f"{repository.uri}:big", outdir=str(folder / "pulled"))

    assert (folder / "pulled" / "big.bin").read_bytes() == (folder / "big.bin").read_bytes()


def test_tags_are_listed_and_deleted(oras, ecr, repository, folder):
    (folder / "notes.txt").write_text("well done")
    for tag in ["1.0", "2.0", "3.0"]:
        oras.push(f"{repository.uri}:{tag}", files=["notes.txt"], manifest_annotations={"version": tag})
    assert oras.get_tags(repository.uri) == ["1.0", "2.0", "3.0"]

    oras.delete_tag(repository.uri, "2.0")

    assert oras.get_tags(repository.uri) == ["1.0", "3.0"]
    assert len(ecr.describe_images(repositoryName=repository.name)["imageDetails"]) == 2


def test_what_is_attached_is_found_by_its_subject(oras, ecr, repository, server, folder):
    (folder / "app.bin").write_bytes(b"the app")
    (folder / "sbom.json").write_text("{}")
    app = oras.push(f"{repository.uri}:1.0", files=["app.bin"])
    subject = Subject(OCI_MANIFEST, app.headers["Docker-Content-Digest"], len(app.request.body))

    attached = oras.push(f"{repository.uri}:sbom", files=["sbom.json:application/json"], subject=subject)

    assert attached.headers["OCI-Subject"] == subject.digest
    url = f"{server.url}/v2/{repository.name}/referrers/{subject.digest}"
    index = json.loads(oras.do_request(url).text)
    digest = attached.headers["Docker-Content-Digest"]
    assert [manifest["digest"] for manifest in index["manifests"]] == [digest]
    found = ecr.list_image_referrers(
        repositoryName=repository.name, subjectId={"imageDigest": subject.digest}
    )
    assert [referrer["digest"] for referrer in found["referrers"]] == [digest]

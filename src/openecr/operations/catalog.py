"""What a public registry and its repositories are shown with: the four operations on catalog data.

Whatever is put takes the place of all there was, the logo too: who leaves a member out wants it gone, as
Terraform does, which sends all it has each time. All of it is stored and answered for everybody; that a
display name and logos are shown for verified publishers alone is a gallery's to see to.
Source: control-plane.md §9.5. Its limits are the model's (`aws/validate.py`); what it does not know is ours.
"""

from collections.abc import Mapping
from typing import Any

from openecr.domain import logo
from openecr.domain.logo import Logo
from openecr.domain.repository import Repository
from openecr.metadata.database import Transaction
from openecr.operations.call import Call, Output
from openecr.operations.gate import operation
from openecr.operations.registries import registry_arn


@operation("ecr-public", resource=registry_arn, inline=True)
def get_registry_catalog_data(call: Call) -> Output:
    """What the caller's public registry is shown with.

    Input   nothing
    Output  registryCatalogData {displayName, if one was put}
    """
    with call.reading() as db:
        name = db.catalogs.find_display_name(call.registry.account)
    return {"registryCatalogData": {} if name is None else {"displayName": name}}


@operation("ecr-public", resource=registry_arn)
def put_registry_catalog_data(call: Call) -> Output:
    """Say by what name the publisher is shown; without one, by none.

    Input   displayName (up to 100 characters)
    Output  registryCatalogData {displayName}
    """
    name = call.input.get("displayName")
    with call.transaction() as db:
        db.catalogs.put_display_name(call.registry.account, name)
    return {"registryCatalogData": {} if name is None else {"displayName": name}}


@operation("ecr-public", inline=True)
def get_repository_catalog_data(call: Call) -> Output:
    """What a repository is shown with; nothing, where nothing was put (Appendix C, U26).

    Input   repositoryName, registryId
    Output  catalogData {description, architectures, operatingSystems, logoUrl, aboutText, usageText}
    Raises  RepositoryNotFoundException
    """
    with call.reading() as db:
        repository = db.repositories.get(call.registry, call.input["repositoryName"])
        return {"catalogData": describe(call, db, repository)}


@operation("ecr-public")
def put_repository_catalog_data(call: Call) -> Output:
    """Say what a repository is shown with, in place of all that was said before.

    Input   repositoryName, registryId, catalogData {description, architectures, operatingSystems,
            logoImageBlob, aboutText, usageText}
    Output  catalogData, as GetRepositoryCatalogData tells it
    Raises  InvalidParameterException, RepositoryNotFoundException
    """
    texts, picture = parse(call.input["catalogData"])
    with call.transaction() as db:
        repository = db.repositories.get(call.registry, call.input["repositoryName"])
        db.catalogs.put_texts(repository, texts)
        db.catalogs.put_logo(repository, picture)
        return {"catalogData": describe(call, db, repository)}


def parse(given: Mapping[str, Any]) -> tuple[dict[str, Any], Logo | None]:
    """Catalog data as it came → the texts, to be stored as they are, and the logo. Raises
    InvalidParameterException for a picture that cannot be one.

    An empty picture, which the model allows, is none.
    """
    texts = {name: value for name, value in given.items() if name != "logoImageBlob"}
    content = given.get("logoImageBlob")
    return texts, logo.parse(content) if content else None


def describe(call: Call, db: Transaction, repository: Repository) -> Output:
    """A RepositoryCatalogData. `marketplaceCertified` is left out, as in AWS's own examples (AWS CLI,
    ecr-public create-repository): there is no marketplace here."""
    texts = db.catalogs.texts(repository)
    sha256 = db.catalogs.find_logo(repository)
    if sha256 is None:
        return texts
    return texts | {"logoUrl": call.stores.addresses.logo_url(sha256, origin=call.origin)}

"""UpdateImageStorageClass: into the archive, and back."""

from openecr.domain.image import ACTIVE, ARCHIVED
from openecr.errors import ImageStorageClassUpdateNotSupportedException
from openecr.operations.call import Call, Output
from openecr.operations.gate import operation
from openecr.operations.image_lists import get_image


@operation("ecr")
def update_image_storage_class(call: Call) -> Output:
    """Archive an image: it stays, with its tags, and nobody can pull it. Or restore an archived one.

    Archiving is done when this returns; to restore takes a job, which brings the layers back, and until
    it is done the image is ACTIVATING. Who asks again meanwhile has it tried again, if it was given up. One
    that has that class already stays as it is: the answer is its status. An index that is restored takes
    along what it lists; archived, it leaves that as it is.
    Input   repositoryName, registryId, imageId (tag, digest or both), targetStorageClass (STANDARD, ARCHIVE)
    Output  registryId, repositoryName, imageId, imageStatus (ARCHIVED; ACTIVATING or ACTIVE)
    Raises  RepositoryNotFoundException, ImageNotFoundException, InvalidParameterException where no image is
            named, ImageStorageClassUpdateNotSupportedException for an image to be archived before the
            indexes that list it
    Source  control-plane.md §4.9; advanced-features.md §6.1
    """
    image_id, is_archive = call.input["imageId"], call.input["targetStorageClass"] == "ARCHIVE"
    with call.transaction() as db:
        repository = db.repositories.get(call.registry, call.input["repositoryName"])
        image = get_image(call, db, repository, "imageId", image_id)
        if is_archive and image.status != ARCHIVED:
            if lists := db.images.standard_parents(image):
                raise ImageStorageClassUpdateNotSupportedException(
                    digest=image.digest,
                    repository_name=repository.name,
                    registry_id=call.registry.id,
                    lists=", ".join(map(str, lists)),
                )
            image = db.images.archive(repository, image, at=call.now)
        elif not is_archive and image.status != ACTIVE:
            image = db.images.restore(repository, image)
    named = {"imageDigest": str(image.digest)}
    if "imageTag" in image_id:
        named["imageTag"] = image_id["imageTag"]
    return {
        "registryId": call.registry.id,
        "repositoryName": repository.name,
        "imageId": named,
        "imageStatus": image.status,
    }

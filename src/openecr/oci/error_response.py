"""Exception → status, OCI code and body.

Two tables and one form. A class has the same status and code on every route, but for layers: on a
blob route one that is missing is what was asked for, on a manifest it is a fault of the manifest.
Sources: data-plane.md §3.4 (what ECR was seen to answer, and proposals for the rest), §1.8 (codes).
"""

from collections.abc import Iterable
from math import ceil
from typing import Final

import orjson

from openecr import errors
from openecr.errors import ServiceError
from openecr.port import Response

JSON_TYPE: Final = "application/json; charset=utf-8"

OCI_ERRORS: dict[type[ServiceError], tuple[int, str]] = {
    errors.AccessDeniedException: (403, "DENIED"),
    errors.BlockedByOrganizationPolicyException: (403, "DENIED"),
    errors.ConcurrentModificationException: (405, "UNSUPPORTED"),
    errors.DeleteConflictException: (405, "UNSUPPORTED"),
    errors.EmptyUploadException: (400, "BLOB_UPLOAD_INVALID"),
    errors.EntityAlreadyExistsException: (405, "UNSUPPORTED"),
    errors.EntityTemporarilyUnmodifiableException: (405, "UNSUPPORTED"),
    errors.ExclusionAlreadyExistsException: (405, "UNSUPPORTED"),
    errors.ExclusionNotFoundException: (405, "UNSUPPORTED"),
    errors.ExpiredSessionException: (403, "DENIED"),
    errors.ExpiredTokenException: (403, "DENIED"),
    errors.IDPCommunicationErrorException: (405, "UNSUPPORTED"),
    errors.IDPRejectedClaimException: (405, "UNSUPPORTED"),
    errors.ImageAlreadyExistsException: (405, "UNSUPPORTED"),
    errors.ImageArchivedException: (404, "MANIFEST_UNKNOWN"),
    errors.ImageDigestDoesNotMatchException: (400, "DIGEST_INVALID"),
    errors.ImageNotFoundException: (404, "MANIFEST_UNKNOWN"),
    errors.ImageStorageClassUpdateNotSupportedException: (405, "UNSUPPORTED"),
    errors.ImageTagAlreadyExistsException: (400, "TAG_INVALID"),
    errors.IncompleteSignatureException: (403, "DENIED"),
    errors.InvalidAuthorizationMessageException: (405, "UNSUPPORTED"),
    errors.InvalidIdentityTokenException: (405, "UNSUPPORTED"),
    errors.InvalidInputException: (405, "UNSUPPORTED"),
    errors.InvalidLayerException: (400, "BLOB_UPLOAD_INVALID"),
    errors.InvalidLayerPartException: (416, "RANGE_INVALID"),
    errors.InvalidParameterException: (405, "UNSUPPORTED"),
    errors.InvalidSignatureException: (403, "DENIED"),
    errors.InvalidTagParameterException: (405, "UNSUPPORTED"),
    errors.InvalidUserTypeException: (405, "UNSUPPORTED"),
    errors.KmsException: (403, "DENIED"),
    errors.LayerAlreadyExistsException: (405, "UNSUPPORTED"),
    errors.LayerInaccessibleException: (404, "BLOB_UNKNOWN"),
    errors.LayerPartTooSmallException: (400, "BLOB_UPLOAD_INVALID"),
    errors.LayersNotFoundException: (400, "MANIFEST_BLOB_UNKNOWN"),  # see BLOB_ERRORS
    errors.LifecyclePolicyNotFoundException: (405, "UNSUPPORTED"),
    errors.LifecyclePolicyPreviewInProgressException: (405, "UNSUPPORTED"),
    errors.LifecyclePolicyPreviewNotFoundException: (405, "UNSUPPORTED"),
    errors.LimitExceededException: (403, "DENIED"),
    errors.MalformedHttpRequestException: (400, "UNSUPPORTED"),
    errors.MalformedPolicyDocumentException: (405, "UNSUPPORTED"),
    errors.MissingAuthenticationTokenException: (403, "DENIED"),
    errors.NoSuchEntityException: (405, "UNSUPPORTED"),
    errors.NotImplementedException: (405, "UNSUPPORTED"),
    errors.OpenIdIdpCommunicationErrorException: (405, "UNSUPPORTED"),
    errors.PackedPolicyTooLargeException: (405, "UNSUPPORTED"),
    errors.PolicyEvaluationException: (405, "UNSUPPORTED"),
    errors.PolicyNotAttachableException: (405, "UNSUPPORTED"),
    errors.PullThroughCacheRuleAlreadyExistsException: (405, "UNSUPPORTED"),
    errors.PullThroughCacheRuleNotFoundException: (405, "UNSUPPORTED"),
    errors.ReferencedImagesNotFoundException: (400, "MANIFEST_BLOB_UNKNOWN"),
    errors.RegionDisabledException: (405, "UNSUPPORTED"),
    errors.RegistryNotFoundException: (404, "NAME_UNKNOWN"),
    errors.RegistryPolicyNotFoundException: (405, "UNSUPPORTED"),
    errors.ReplicationBackfillInProgressException: (405, "UNSUPPORTED"),
    errors.ReplicationBackfillInvalidStatusException: (405, "UNSUPPORTED"),
    errors.ReplicationBackfillNotFoundException: (405, "UNSUPPORTED"),
    errors.RepositoryAlreadyExistsException: (405, "UNSUPPORTED"),
    errors.RepositoryCatalogDataNotFoundException: (405, "UNSUPPORTED"),
    errors.RepositoryNotEmptyException: (405, "UNSUPPORTED"),
    errors.RepositoryNotFoundException: (404, "NAME_UNKNOWN"),
    errors.RepositoryPolicyNotFoundException: (405, "UNSUPPORTED"),
    errors.RequestAbortedException: (400, "SIZE_INVALID"),
    errors.RequestEntityTooLargeException: (413, "SIZE_INVALID"),
    errors.RequestTimeoutException: (408, "UNKNOWN"),
    errors.ScanNotFoundException: (405, "UNSUPPORTED"),
    errors.SecretNotFoundException: (403, "DENIED"),
    errors.SerializationException: (400, "UNSUPPORTED"),
    errors.ServerException: (500, "UNKNOWN"),
    errors.ServiceFailureException: (405, "UNSUPPORTED"),
    errors.ServiceUnavailable: (503, "UNAVAILABLE"),
    errors.SigningConfigurationNotFoundException: (405, "UNSUPPORTED"),
    errors.TemplateAlreadyExistsException: (405, "UNSUPPORTED"),
    errors.TemplateNotFoundException: (405, "UNSUPPORTED"),
    errors.ThrottlingException: (429, "TOOMANYREQUESTS"),
    errors.TooManyTagsException: (405, "UNSUPPORTED"),
    errors.UnableToAccessSecretException: (403, "DENIED"),
    errors.UnableToDecryptSecretValueException: (403, "DENIED"),
    errors.UnableToGetUpstreamImageException: (404, "MANIFEST_UNKNOWN"),
    errors.UnableToGetUpstreamLayerException: (404, "BLOB_UNKNOWN"),
    errors.UnableToListUpstreamImageReferrersException: (404, "MANIFEST_UNKNOWN"),
    errors.UnknownOperationException: (405, "UNSUPPORTED"),
    errors.UnmodifiableEntityException: (405, "UNSUPPORTED"),
    errors.UnrecognizedClientException: (403, "DENIED"),
    errors.UnsupportedCommandException: (405, "UNSUPPORTED"),
    errors.UnsupportedImageTypeException: (405, "UNSUPPORTED"),
    errors.UnsupportedUpstreamRegistryException: (405, "UNSUPPORTED"),
    errors.UploadNotFoundException: (404, "BLOB_UPLOAD_UNKNOWN"),
    errors.ValidationError: (405, "UNSUPPORTED"),
    errors.ValidationException: (405, "UNSUPPORTED"),
}

BLOB_ERRORS: dict[type[ServiceError], tuple[int, str, str]] = {
    errors.LayersNotFoundException: (404, "BLOB_UNKNOWN", "blob unknown to registry"),
    errors.LayerInaccessibleException: (404, "BLOB_UNKNOWN", "blob unknown to registry"),
}
"""What stands in place of the table above on the blob routes; the text is the specification's."""

IMAGE_FAILURES: dict[str, tuple[int, str]] = {
    "ImageInaccessible": (404, "MANIFEST_UNKNOWN"),
    "ImageNotFound": (404, "MANIFEST_UNKNOWN"),
    "ImageReferencedByManifestList": (405, "UNSUPPORTED"),
    "ImageTagDoesNotMatchDigest": (404, "MANIFEST_UNKNOWN"),
    "InvalidImageDigest": (400, "DIGEST_INVALID"),
    "InvalidImageTag": (400, "TAG_INVALID"),
    "KmsError": (403, "DENIED"),
    "MissingDigestAndTag": (400, "TAG_INVALID"),
    "UpstreamAccessDenied": (403, "DENIED"),
    "UpstreamTooManyRequests": (429, "TOOMANYREQUESTS"),
    "UpstreamUnavailable": (503, "UNAVAILABLE"),
}
"""The `failureCode` of a batch operation that was asked about one image."""


class Refused(Exception):
    """What the front itself finds wrong with a request: its form, or the lack of credentials."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


def error(status: int, code: str, message: str, **detail: str) -> Response:
    """An answer in the specification's form, with the newline ECR ends it with."""
    told = {"code": code, "message": message, **detail}
    body = orjson.dumps({"errors": [told]}, option=orjson.OPT_APPEND_NEWLINE)
    return Response(status, {"Content-Type": JSON_TYPE}, body)


def page_not_found() -> Response:
    """For a path that is no route. Source: data-plane.md §3.3."""
    return Response(404, {"Content-Type": "text/plain; charset=utf-8"}, b"404 page not found\n")


def method_not_allowed(allowed: Iterable[str]) -> Response:
    response = error(405, "UNSUPPORTED", "The operation is unsupported.")
    response.headers["Allow"] = ", ".join(allowed)
    return response


def answer_on_blobs(raised: ServiceError) -> Response:
    """What a route about blobs answers to an error of an operation."""
    if (line := BLOB_ERRORS.get(type(raised))) is not None:
        return error(*line)
    return answer(raised)


def answer(raised: ServiceError) -> Response:
    """What any other route answers to an error of an operation."""
    status, code = OCI_ERRORS[type(raised)]
    if isinstance(raised, errors.AccessDeniedException) and raised.explanation:
        return error(status, code, raised.text, detail=raised.explanation)
    response = error(status, code, raised.text)
    if isinstance(raised, errors.ThrottlingException) and raised.retry_after_seconds is not None:
        response.headers["Retry-After"] = str(ceil(raised.retry_after_seconds))
    return response


def failed_image(failure: dict[str, str]) -> Refused:
    """One entry of a batch operation's `failures`, as the answer about that image."""
    status, code = IMAGE_FAILURES[failure["failureCode"]]
    return Refused(error(status, code, failure["failureReason"]))

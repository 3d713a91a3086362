"""One exception class per AWS error code; the class name is the code.

Raised where the fact is found, caught once per front. `message` is the service's own text, filled
from the keyword arguments; a text in `[proposed]` style is ours where AWS's was never seen
(control-plane.md Appendix C, U4). `members` are put beside the message on the wire, by their wire
names. A new error: a class here, a line in `oci/error_response.py`. STS and IAM: a class is named as
the model's shape, and the model has its code and status (`NoSuchEntityException`: `NoSuchEntity`, 404).
"""

from collections.abc import Mapping
from math import ceil
from typing import Any, ClassVar


class ServiceError(Exception):
    """What a caller is told. `status` is the HTTP status of the AWS JSON front."""

    message: ClassVar[str] = ""
    status: ClassVar[int] = 400
    why: str = ""
    """What is behind it, for the log alone: it may tell of policies, or of our network."""

    def __init__(
        self, message: str | None = None, *, members: Mapping[str, Any] | None = None, **facts: object
    ) -> None:
        text = self.message if message is None else message
        self.text = text.format_map(facts) if facts else text
        self.members: Mapping[str, Any] = members or {}
        super().__init__(self.text)

    @property
    def code(self) -> str:
        return type(self).__name__


# The request itself: protocol, signature, permission. Source: control-plane.md §1.6, auth-iam.md §1.6.


class UnknownOperationException(ServiceError):
    pass


class SerializationException(ServiceError):
    pass


class RequestEntityTooLargeException(ServiceError):
    message = "Request size exceeds the maximum of {limit_bytes} bytes."
    status = 413


class RequestTimeoutException(ServiceError):
    message = "The request body did not arrive in time."
    status = 408


class RequestAbortedException(ServiceError):
    message = "The request body ended early."


class MalformedHttpRequestException(ServiceError):
    pass


class MissingAuthenticationTokenException(ServiceError):
    message = "Missing Authentication Token"


class IncompleteSignatureException(ServiceError):
    pass


class InvalidSignatureException(ServiceError):
    message = (
        "The request signature we calculated does not match the signature you provided. "
        "Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
    )


class UnrecognizedClientException(ServiceError):
    message = "The security token included in the request is invalid."


class ExpiredTokenException(ServiceError):
    """A token that was given as an argument, or to log in with."""

    message = "The security token included in the request is expired"


class ExpiredSessionException(ExpiredTokenException):
    """What a request is signed with. The query protocol calls this, and this alone, ExpiredToken."""

    code = "ExpiredTokenException"


class AccessDeniedException(ServiceError):
    message = "User: {arn} is not authorized to perform: {action} on resource: {resource} {reason}"
    explanation = ""
    """Which statement denied it, or what is missing, where the caller may see it."""


class ThrottlingException(ServiceError):
    """`retry_after_seconds`: when it makes sense to come again, where that is known."""

    message = "Rate exceeded"

    def __init__(
        self,
        message: str | None = None,
        *,
        retry_after_seconds: float | None = None,
        members: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message, members=members)
        self.retry_after_seconds = retry_after_seconds

    @property
    def retry_after_milliseconds(self) -> dict[str, str]:
        """The header that botocore waits by, if there is anything to say. Source: control-plane.md §1.9."""
        if self.retry_after_seconds is None:
            return {}
        return {"x-amz-retry-after": str(ceil(self.retry_after_seconds * 1000))}


class ValidationError(ServiceError):
    """Query protocol: constraints of the model, and of STS what depends on the role. The text says which."""


class NotImplementedException(ServiceError):
    """Ours (design.md §5): an operation of the model that openecr does not have yet."""

    message = "The operation {operation} of {service} is not implemented by openecr yet."
    status = 501


class ServiceUnavailable(ServiceError):
    message = "The service is busy. Try again."
    status = 503


# Errors of the service models, in the order of the alphabet.


class BlockedByOrganizationPolicyException(ServiceError):
    pass


class ConcurrentModificationException(ServiceError):
    message = "Another request is changing this object. Try again."


class DeleteConflictException(ServiceError):
    message = "Cannot delete entity, must {do_what} first."


class EmptyUploadException(ServiceError):
    message = (
        "The upload with id '{upload_id}' in the repository with name '{repository_name}' in registry "
        "with id '{registry_id}' cannot be completed because it does not have any parts"
    )


class EntityAlreadyExistsException(ServiceError):
    message = "{kind} with name {name} already exists."


class EntityTemporarilyUnmodifiableException(ServiceError):
    message = "{kind} with name {name} cannot be changed now. Try again."


class ExclusionAlreadyExistsException(ServiceError):
    message = (
        "A pull time update exclusion for the principal '{principal}' already exists in the registry with "
        "id '{registry_id}'"
    )


class ExclusionNotFoundException(ServiceError):
    message = (
        "A pull time update exclusion for the principal '{principal}' does not exist in the registry with "
        "id '{registry_id}'"
    )


class IDPCommunicationErrorException(ServiceError):
    message = "The identity provider could not be asked for its keys. Try again."


class IDPRejectedClaimException(ServiceError):
    message = "The identity provider has rejected the token."


class ImageAlreadyExistsException(ServiceError):
    message = (
        "Image with digest '{digest}' and tag '{tag}' already exists in the repository with name "
        "'{repository_name}' in registry with id '{registry_id}'"
    )


class ImageArchivedException(ServiceError):
    pass


class ImageDigestDoesNotMatchException(ServiceError):
    message = (
        "The image with digest '{digest}' in repository '{repository_name}' and registry ID "
        "'{registry_id}' does not match the image digest that Amazon ECR has calculated."
    )


class ImageNotFoundException(ServiceError):
    message = (
        "The image with imageId {{imageDigest:'{digest}', imageTag:'{tag}'}} does not exist within the "
        "repository with name '{repository_name}' in the registry with id '{registry_id}'"
    )


class ImageStorageClassUpdateNotSupportedException(ServiceError):
    message = (
        "The image with digest '{digest}' in the repository with name '{repository_name}' in the registry "
        "with id '{registry_id}' cannot be archived before the manifest lists that reference it: [{lists}]"
    )


class ImageTagAlreadyExistsException(ServiceError):
    message = (
        "The image tag '{tag}' already exists in the '{repository_name}' repository and cannot be "
        "overwritten because the repository is immutable."
    )


class InvalidAuthorizationMessageException(ServiceError):
    message = "The message is none of ours."


class InvalidIdentityTokenException(ServiceError):
    pass


class InvalidInputException(ServiceError):
    pass


class InvalidLayerException(ServiceError):
    message = "None of the provided layer digests match the calculated layer digest"


class InvalidLayerPartException(ServiceError):
    """Members: registryId, repositoryName, uploadId, lastValidByteReceived (absent before any byte)."""

    message = "First byte of the layer part is {first_byte} instead of {expected}"


class InvalidParameterException(ServiceError):
    message = "Invalid parameter at '{member}' failed to satisfy constraint: '{reason}'"


class InvalidTagParameterException(ServiceError):
    pass


class InvalidUserTypeException(ServiceError):
    pass


class KmsException(ServiceError):
    pass


class LayerAlreadyExistsException(ServiceError):
    message = (
        "The layer with digest '{digest}' already exists in the repository with name "
        "'{repository_name}' in registry with id '{registry_id}'"
    )


class LayerInaccessibleException(ServiceError):
    message = (
        "The layer with digest '{digest}' in the repository with name '{repository_name}' in registry "
        "with id '{registry_id}' is not associated with an image"
    )


class LayerPartTooSmallException(ServiceError):
    message = "All layer parts except the last part should be at least 5MB"


class LayersNotFoundException(ServiceError):
    message = (
        "The layer with digest '{digest}' does not exist within the repository with name "
        "'{repository_name}' in the registry with id '{registry_id}'"
    )


class LifecyclePolicyNotFoundException(ServiceError):
    message = (
        "Lifecycle policy does not exist for the repository with name '{repository_name}' "
        "in the registry with id '{registry_id}'"
    )


class LifecyclePolicyPreviewInProgressException(ServiceError):
    message = (
        "The previous lifecycle policy preview request for the repository with name '{repository_name}' "
        "in the registry with id '{registry_id}' has not completed. Wait and try again."
    )


class LifecyclePolicyPreviewNotFoundException(ServiceError):
    message = (
        "Lifecycle policy preview does not exist for the repository with name '{repository_name}' "
        "in the registry with id '{registry_id}'"
    )


class LimitExceededException(ServiceError):
    pass


class MalformedPolicyDocumentException(ServiceError):
    message = "Syntax errors in policy."


class NoSuchEntityException(ServiceError):
    message = "The {kind} with name {name} cannot be found."


class OpenIdIdpCommunicationErrorException(ServiceError):
    message = "The OpenID Connect provider could not be reached at {url}."


class PackedPolicyTooLargeException(ServiceError):
    message = "Packed size of the session policy and tags consumes {percent}% of allotted space."


class PolicyEvaluationException(ServiceError):
    message = "The policies could not be evaluated."


class PolicyNotAttachableException(ServiceError):
    message = "Policy {arn} cannot be attached."


class PullThroughCacheRuleAlreadyExistsException(ServiceError):
    pass


class PullThroughCacheRuleNotFoundException(ServiceError):
    pass


class ReferencedImagesNotFoundException(ServiceError):
    message = (
        "Images with digests '[{digests}]' required for pushing image into repository with name "
        "'{repository_name}' in the registry with id '{registry_id}' do not exist"
    )


class RegionDisabledException(ServiceError):
    message = "STS is not activated in this region for account:{account}."


class RegistryNotFoundException(ServiceError):
    message = "The registry with id '{registry_id}' does not exist"


class RegistryPolicyNotFoundException(ServiceError):
    message = "Registry policy does not exist in the registry with id '{registry_id}'"


class ReplicationBackfillInProgressException(ServiceError):
    pass


class ReplicationBackfillInvalidStatusException(ServiceError):
    pass


class ReplicationBackfillNotFoundException(ServiceError):
    pass


class RepositoryAlreadyExistsException(ServiceError):
    message = (
        "The repository with name '{repository_name}' already exists in the registry with id '{registry_id}'"
    )


class RepositoryCatalogDataNotFoundException(ServiceError):
    pass


class RepositoryNotEmptyException(ServiceError):
    message = (
        "The repository with name '{repository_name}' in registry with id '{registry_id}' cannot be "
        "deleted because it still contains images"
    )


class RepositoryNotFoundException(ServiceError):
    message = (
        "The repository with name '{repository_name}' does not exist in the registry with id '{registry_id}'"
    )


class RepositoryPolicyNotFoundException(ServiceError):
    message = (
        "Repository policy does not exist for the repository with name '{repository_name}' "
        "in the registry with id '{registry_id}'"
    )


class ScanNotFoundException(ServiceError):
    pass


class SecretNotFoundException(ServiceError):
    pass


class ServerException(ServiceError):
    message = "The server could not finish the request. Try again."
    status = 500


class ServiceFailureException(ServiceError):
    message = "The service could not finish the request. Try again."


class SigningConfigurationNotFoundException(ServiceError):
    pass


class TemplateAlreadyExistsException(ServiceError):
    pass


class TemplateNotFoundException(ServiceError):
    pass


class TooManyTagsException(ServiceError):
    message = "The repository cannot have more than {limit} tags."


class UnableToAccessSecretException(ServiceError):
    pass


class UnableToDecryptSecretValueException(ServiceError):
    pass


class UnableToGetUpstreamImageException(ServiceError):
    pass


class UnableToGetUpstreamLayerException(ServiceError):
    pass


class UnableToListUpstreamImageReferrersException(ServiceError):
    pass


class UnmodifiableEntityException(ServiceError):
    message = "{kind} with name {name} belongs to the service and cannot be changed."


class UnsupportedCommandException(ServiceError):
    """Public only: declared where the action is not supported (design.md §5)."""

    message = "The operation {operation} is not supported by openecr yet."


class UnsupportedImageTypeException(ServiceError):
    pass


class UnsupportedUpstreamRegistryException(ServiceError):
    pass


class UploadNotFoundException(ServiceError):
    message = (
        "The upload with id '{upload_id}' in the repository with name '{repository_name}' in registry "
        "with id '{registry_id}' does not exist"
    )


class ValidationException(ServiceError):
    pass

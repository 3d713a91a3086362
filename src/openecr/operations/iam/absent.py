"""What openecr has none of, and clients ask about before they delete a user or a role.

There are no passwords and no console to sign in to, no MFA devices, no SSH keys, certificates or credentials
of other services, no instance profiles and no SAML providers; nothing can make one. So these lists are empty
and that is the truth, once whoever they are asked of is there.
"""

from openecr.domain.principal import IdentityKind
from openecr.errors import NoSuchEntityException
from openecr.operations.call import Call, Output
from openecr.operations.gate import Resources, everything, operation
from openecr.operations.iam.entities import find_user, get_identity, listed, named
from openecr.operations.iam.paging import by_position
from openecr.operations.iam.users import USER

ROLE = IdentityKind.ROLE


@operation("iam", resource=named(USER), name="ListMFADevices", inline=True)
def list_mfa_devices(call: Call) -> Output:
    """None.

    Input   UserName (without it, whoever asks), MaxItems, Marker
    Output  MFADevices, IsTruncated
    Raises  NoSuchEntityException, ValidationError
    """
    return _none_of_user(call, "MFADevices")


@operation("iam", resource=listed("mfa"), name="ListVirtualMFADevices", inline=True)
def list_virtual_mfa_devices(call: Call) -> Output:
    """None.

    Input   AssignmentStatus, MaxItems, Marker
    Output  VirtualMFADevices, IsTruncated
    Raises  ValidationError
    """
    return by_position(call, "VirtualMFADevices", [])


@operation("iam", resource=named(USER), name="ListSSHPublicKeys", inline=True)
def list_ssh_public_keys(call: Call) -> Output:
    """None.

    Input   UserName (without it, whoever asks), MaxItems, Marker
    Output  SSHPublicKeys, IsTruncated
    Raises  NoSuchEntityException, ValidationError
    """
    return _none_of_user(call, "SSHPublicKeys")


@operation("iam", resource=named(USER), inline=True)
def list_signing_certificates(call: Call) -> Output:
    """None.

    Input   UserName (without it, whoever asks), MaxItems, Marker
    Output  Certificates, IsTruncated
    Raises  NoSuchEntityException, ValidationError
    """
    return _none_of_user(call, "Certificates")


def user_or_all(call: Call) -> list[str]:
    """`AllUsers` asks of every user."""
    asked: Resources = listed("user") if call.input.get("AllUsers") else named(USER)
    return list(asked(call))


@operation("iam", resource=user_or_all, inline=True)
def list_service_specific_credentials(call: Call) -> Output:
    """None, for whatever service.

    Input   UserName (without it, whoever asks), ServiceName, AllUsers, MaxItems, Marker
    Output  ServiceSpecificCredentials, IsTruncated
    Raises  NoSuchEntityException, ValidationError
    """
    if call.input.get("AllUsers"):
        return by_position(call, "ServiceSpecificCredentials", [])
    return _none_of_user(call, "ServiceSpecificCredentials")


@operation("iam", resource=named(USER), inline=True)
def get_login_profile(call: Call) -> Output:
    """Never there: nobody has a password.

    Input   UserName (without it, whoever asks)
    Raises  NoSuchEntityException, ValidationError
    """
    raise _no_password(call)


@operation("iam", resource=named(USER))
def delete_login_profile(call: Call) -> Output:
    """Never there: nobody has a password.

    Input   UserName (without it, whoever asks)
    Raises  NoSuchEntityException, ValidationError
    """
    raise _no_password(call)


@operation("iam", resource=named(ROLE), inline=True)
def list_instance_profiles_for_role(call: Call) -> Output:
    """None.

    Input   RoleName, MaxItems, Marker
    Output  InstanceProfiles, IsTruncated
    Raises  NoSuchEntityException, ValidationError
    """
    with call.reading() as db:
        get_identity(call, db, ROLE)
    return by_position(call, "InstanceProfiles", [])


@operation("iam", resource=listed("instance-profile"), inline=True)
def list_instance_profiles(call: Call) -> Output:
    """None.

    Input   PathPrefix, MaxItems, Marker
    Output  InstanceProfiles, IsTruncated
    Raises  ValidationError
    """
    return by_position(call, "InstanceProfiles", [])


@operation("iam", resource=listed("server-certificate"), inline=True)
def list_server_certificates(call: Call) -> Output:
    """None.

    Input   PathPrefix, MaxItems, Marker
    Output  ServerCertificateMetadataList, IsTruncated
    Raises  ValidationError
    """
    return by_position(call, "ServerCertificateMetadataList", [])


@operation("iam", resource=everything, name="ListSAMLProviders", inline=True)
def list_saml_providers(call: Call) -> Output:
    """None.

    Output  SAMLProviderList
    """
    return {"SAMLProviderList": []}


def _none_of_user(call: Call, member: str) -> Output:
    with call.reading() as db:
        find_user(call, db)
    return by_position(call, member, [])


def _no_password(call: Call) -> NoSuchEntityException:
    with call.reading() as db:
        user = find_user(call, db)
    whom = "the root user" if user is None else f"User {user.name}"
    return NoSuchEntityException(f"Login Profile for {whom} cannot be found.")

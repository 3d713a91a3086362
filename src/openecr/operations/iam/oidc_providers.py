"""OpenID Connect providers: whose tokens the account's roles may be assumed with.

A provider is called after its URL, without the scheme: exactly as its tokens name it (`iss`), a slash at the
end included. Unlike AWS we take ports: who runs a registry at home has issuers that have one. Nothing is
fetched here: its keys are asked for when a token comes (STS), and thumbprints, which say what certificates
AWS would accept there, are kept and shown.
Source: API reference, CreateOpenIDConnectProvider; AWS's answers as clients'
tests keep them.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from openecr.domain.principal import OidcProvider
from openecr.errors import InvalidInputException, ValidationError
from openecr.metadata.database import Transaction
from openecr.operations.authorize import require
from openecr.operations.call import Call, Output
from openecr.operations.gate import everything, operation
from openecr.operations.iam import quotas
from openecr.operations.iam.entities import given
from openecr.operations.iam.quotas import Quota
from openecr.operations.iam.tags import page_of_tags, parse_tags, shown_tags, with_tags, without_tags

CLIENT_IDS = Quota("ClientIdsPerOpenIdConnectProvider", 100)
MOST_THUMBPRINTS = 5
THUMBPRINT = re.compile(r"[0-9A-Fa-f]{40}")
URL = re.compile(
    r"https://([A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~!$&'()+,;=:@%/-]*)?)"
)
NO_URL = "Invalid Open ID Connect Provider URL"

named_provider = given("OpenIDConnectProviderArn", "oidc-provider")


def new_provider(call: Call) -> list[str]:
    """The provider that is to be. Raises InvalidInputException, ValidationError for an invalid URL."""
    return [f"arn:aws:iam::{call.caller.account}:oidc-provider/{_place(call.input['Url'])}"]


@operation("iam", name="CreateOpenIDConnectProvider", resource=new_provider)
def create_oidc_provider(call: Call) -> Output:
    """Trust a provider.

    Input   Url (https, without query and fragment), ClientIDList, ThumbprintList, Tags
    Output  OpenIDConnectProviderArn; Tags if there are any
    Raises  EntityAlreadyExistsException, InvalidInputException, LimitExceededException, ValidationError
    Tags must be allowed by iam:TagOpenIDConnectProvider too. Source: API reference.
    """
    provider = OidcProvider(
        account=call.caller.account,
        url=_place(call.input["Url"]),
        client_ids=_client_ids(call.input.get("ClientIDList") or ()),
        thumbprints=_thumbprints(call.input.get("ThumbprintList") or ()),
        created_at=call.now.replace(microsecond=0),
        tags=parse_tags(call.input.get("Tags")),
    )
    if provider.tags:
        require(call, "TagOpenIDConnectProvider", provider.arn)

    with call.transaction() as db:
        db.oidc_providers.add(provider)
        quotas.OIDC_PROVIDERS.check(len(db.oidc_providers.list(provider.account)))
    output: Output = {"OpenIDConnectProviderArn": provider.arn}
    return output | ({"Tags": shown_tags(provider.tags)} if provider.tags else {})


@operation("iam", name="GetOpenIDConnectProvider", resource=named_provider)
def get_oidc_provider(call: Call) -> Output:
    """A provider.

    Input   OpenIDConnectProviderArn
    Output  Url (without https://), ClientIDList, ThumbprintList, CreateDate, Tags
    Raises  NoSuchEntityException, ValidationError
    """
    with call.reading() as db:
        provider = _get(call, db)
    return {
        "Url": provider.url,
        "ClientIDList": list(provider.client_ids),
        "ThumbprintList": list(provider.thumbprints),
        "CreateDate": provider.created_at,
        "Tags": shown_tags(provider.tags),
    }


@operation("iam", name="ListOpenIDConnectProviders", resource=everything)
def list_oidc_providers(call: Call) -> Output:
    """The account's providers, by URL.

    Output  OpenIDConnectProviderList
    """
    with call.reading() as db:
        providers = db.oidc_providers.list(call.caller.account)
    return {"OpenIDConnectProviderList": [{"Arn": provider.arn} for provider in providers]}


@operation("iam", name="DeleteOpenIDConnectProvider", resource=named_provider)
def delete_oidc_provider(call: Call) -> Output:
    """Trust a provider no longer; one that is not there is no error. Trust policies that name it stay.

    Input   OpenIDConnectProviderArn
    Output  nothing
    Raises  ValidationError
    """
    url = call.input["OpenIDConnectProviderArn"].partition("/")[2]
    with call.transaction() as db:
        provider = db.oidc_providers.find(call.caller.account, url)
        if provider is not None:
            db.oidc_providers.delete(provider)
    return {}


@operation("iam", name="AddClientIDToOpenIDConnectProvider", resource=named_provider)
def add_client_id(call: Call) -> Output:
    """Accept another audience; one that is accepted already is no error.

    Input   OpenIDConnectProviderArn, ClientID
    Output  nothing
    Raises  LimitExceededException, NoSuchEntityException, ValidationError
    """
    with call.transaction() as db:
        provider = _get(call, db)
        client_ids = _client_ids([*provider.client_ids, call.input["ClientID"]])
        db.oidc_providers.update(replace(provider, client_ids=client_ids))
    return {}


@operation("iam", name="RemoveClientIDFromOpenIDConnectProvider", resource=named_provider)
def remove_client_id(call: Call) -> Output:
    """Accept an audience no longer; one that is not accepted is no error.

    Input   OpenIDConnectProviderArn, ClientID
    Output  nothing
    Raises  NoSuchEntityException, ValidationError
    """
    with call.transaction() as db:
        provider = _get(call, db)
        client_ids = tuple(each for each in provider.client_ids if each != call.input["ClientID"])
        db.oidc_providers.update(replace(provider, client_ids=client_ids))
    return {}


@operation("iam", name="UpdateOpenIDConnectProviderThumbprint", resource=named_provider)
def update_thumbprints(call: Call) -> Output:
    """Give a provider other thumbprints in place of those it has.

    Input   OpenIDConnectProviderArn, ThumbprintList
    Output  nothing
    Raises  InvalidInputException, NoSuchEntityException, ValidationError
    """
    thumbprints = _thumbprints(call.input["ThumbprintList"])
    with call.transaction() as db:
        db.oidc_providers.update(replace(_get(call, db), thumbprints=thumbprints))
    return {}


@operation("iam", name="TagOpenIDConnectProvider", resource=named_provider)
def tag_oidc_provider(call: Call) -> Output:
    """Set tags of a provider; those with other keys stay.

    Input   OpenIDConnectProviderArn, Tags [{Key, Value}]
    Output  nothing
    Raises  InvalidInputException, LimitExceededException, NoSuchEntityException, ValidationError
    """
    tags = parse_tags(call.input["Tags"])
    with call.transaction() as db:
        provider = _get(call, db)
        merged = with_tags(provider.tags, tags, of="OpenIDConnectProvider")
        db.oidc_providers.update(replace(provider, tags=merged))
    return {}


@operation("iam", name="UntagOpenIDConnectProvider", resource=named_provider)
def untag_oidc_provider(call: Call) -> Output:
    """Remove tags of a provider; keys that are not there are no error.

    Input   OpenIDConnectProviderArn, TagKeys
    Output  nothing
    Raises  InvalidInputException, NoSuchEntityException, ValidationError
    """
    with call.transaction() as db:
        provider = _get(call, db)
        left = without_tags(provider.tags, call.input["TagKeys"])
        db.oidc_providers.update(replace(provider, tags=left))
    return {}


@operation("iam", name="ListOpenIDConnectProviderTags", resource=named_provider)
def list_oidc_provider_tags(call: Call) -> Output:
    """The tags of a provider, sorted by key.

    Input   OpenIDConnectProviderArn, MaxItems, Marker
    Output  Tags, IsTruncated, Marker
    Raises  NoSuchEntityException, ValidationError
    """
    with call.reading() as db:
        return page_of_tags(call, _get(call, db).tags)


def _get(call: Call, db: Transaction) -> OidcProvider:
    """The provider the input names. Raises NoSuchEntityException."""
    return db.oidc_providers.get(call.input["OpenIDConnectProviderArn"])


def _place(url: str) -> str:
    """A provider's URL as it is kept. Raises InvalidInputException, ValidationError."""
    scheme, _, rest = url.partition("://")
    if not scheme or not rest.strip("/"):
        raise ValidationError(NO_URL)
    if scheme != "https":
        raise InvalidInputException(f"{NO_URL}. The URL must begin with https://.")
    found = URL.fullmatch(url)
    if found is None:
        raise InvalidInputException(f"{NO_URL}.")
    return found[1]


def _client_ids(given: Sequence[str]) -> tuple[str, ...]:
    """Each once. Raises LimitExceededException."""
    client_ids = tuple(dict.fromkeys(given))
    CLIENT_IDS.check(len(client_ids))
    return client_ids


def _thumbprints(given: Sequence[str]) -> tuple[str, ...]:
    """In lower case, as AWS shows them. Raises InvalidInputException."""
    if len(given) > MOST_THUMBPRINTS:
        raise InvalidInputException(f"Thumbprint list must contain fewer than {MOST_THUMBPRINTS} entries.")
    if not all(THUMBPRINT.fullmatch(each) for each in given):
        raise InvalidInputException("A thumbprint must be 40 hexadecimal digits.")
    return tuple(each.lower() for each in given)

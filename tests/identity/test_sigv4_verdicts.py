"""Over many thousand requests, signed by botocore and then tampered with or not, our verdict is botocore's.

Each case is made from its number and the time, so one that fails can be had again: `a_case(number)`.
"""

import random
from collections import Counter
from datetime import timedelta
from hashlib import sha256
from urllib.parse import quote, unquote

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from openecr.errors import ServiceError
from openecr.identity import sigv4
from tests.identity.botocore_verdict import holds
from tests.identity.received import ACCESS_KEY_ID, SECRET, parse, presign, sign

FEW, MANY = 4_000, 100_000
SERVICES = ("ecr", "ecr-public", "sts", "iam")
OTHER_SECRET = SECRET[::-1]
FORM = "application/x-www-form-urlencoded; charset=utf-8"
TEXTS = ("a", "B c", '"d   e"', "%2F", "+", "ä", "=", ",", "x" * 40, "", "~-_.", "/iam/", "a&b")


def a_case(number):
    """A request as it arrives, and what it is held to."""
    dice = random.Random(number)
    service = dice.choice(SERVICES)
    token = dice.choice((None, None, "TOK/EN+=", "t" * 300))
    arrived = presigned(dice, service, token) if dice.random() < 0.3 else signed(dice, service, token)
    held_to = {
        "secret": SECRET,
        "session_token": token,
        "service": service,
        "now": arrived.at + timedelta(seconds=dice.choice((0, 0, 0, 30, 900, -900))),
    }
    for _ in range(dice.choice((0, 1, 1, 1, 1, 2))):
        kind, change = dice.choice(CHANGES)
        arrived = change(dice, arrived, held_to) or arrived
        held_to.setdefault("changes", []).append(kind)
    return arrived, held_to.pop("changes", []), held_to


def our_verdict(arrived, *, secret, session_token, service, now):
    """As the front comes to it; the word of a refusal, None for none."""
    token_sha256 = None if session_token is None else sha256(session_token.encode()).digest()
    try:
        request = parse(arrived, service=service, now=now)
        if request.access_key_id != ACCESS_KEY_ID:
            return "UnrecognizedClientException"
        sigv4.verify(request, secret, sha256(arrived.body).hexdigest(), session_token_sha256=token_sha256)
    except ServiceError as error:
        return error.code
    return None


def agree(numbers):
    """Both verdicts on each case are the same. Returns how often each was given, by what was changed."""
    given = Counter()
    for number in numbers:
        arrived, changes, held_to = a_case(number)
        ours = our_verdict(arrived, **held_to)
        theirs = holds(arrived, access_key_id=ACCESS_KEY_ID, **held_to)
        assert (ours is None) == theirs, (number, changes, ours, arrived)
        given.update((change, theirs) for change in changes or ["nothing"])
        given[ours] += 1
    return given


def test_on_thousands_of_requests_our_verdict_is_botocores():
    given = agree(range(FEW))

    for change, _ in CHANGES:
        assert given[change, True] + given[change, False] > FEW / 100, change
    assert given["nothing", True] > FEW / 10
    assert given[None] > FEW / 4
    assert min(given[code] for code in REFUSALS) > FEW / 200


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_on_a_hundred_thousand_requests_our_verdict_is_botocores():
    assert agree(range(FEW, FEW + MANY)).keys() >= {None, *REFUSALS}


REFUSALS = ("IncompleteSignatureException", "InvalidSignatureException", "UnrecognizedClientException")


# Requests that botocore signs.


def signed(dice, service, token):
    if service in ("sts", "iam"):
        body = "&".join(f"Tags.member.{i}.Key={quote(text)}" for i, text in enumerate(some(dice, TEXTS)))
        headers = [("Content-Type", FORM)]
    else:
        body = '{"repositoryNames": ["team/app"]}'
        headers = [
            ("Content-Type", "application/x-amz-json-1.1"),
            ("X-Amz-Target", "AmazonEC2ContainerRegistry_V20150921.DescribeRepositories"),
        ]
    names = ("X-Amz-Meta-A", "x-amz-meta-a", "X-Custom", "Accept", "amz-sdk-request")
    return sign(
        method=dice.choice(("POST", "POST", "GET", "PUT")),
        path=dice.choice(("/", "/", "/", "//a/../b/", "/caf%C3%A9/%2F", "/a%20b", "/~x;y=(z)")),
        query=a_query(dice),
        headers=[*headers, *((name, dice.choice(TEXTS)) for name in some(dice, names))],
        body=body.encode(),
        session_token=token,
        region=dice.choice(("us-east-1", "eu-central-1", "us-gov-west-1")),
        service=service,
    )


def presigned(dice, service, token):
    return presign(
        method=dice.choice(("GET", "GET", "POST")),
        query=dice.choice(("", "Action=GetCallerIdentity&Version=2011-06-15", a_query(dice))),
        headers=[(name, dice.choice(TEXTS)) for name in some(dice, ("X-Custom", "x-k8s-aws-id"))],
        session_token=token,
        expires=dice.choice((1, 60, 900, 3600)),
        service=service,
    )


def a_query(dice):
    """Encoded as botocore encodes it; some names come twice, some have no value."""
    pairs = [
        (dice.choice(("a", "A", "b", "Action", "ä")), dice.choice(TEXTS))
        for _ in range(dice.choice((0, 0, 2, 4)))
    ]
    return "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in pairs)


def some(dice, things):
    return [thing for thing in things if dice.random() < 0.3]


# What may happen to a request on its way, for which a signature holds or not.


def replaced(dice, text):
    """The same text with another letter somewhere; a percent sign, what follows it and blanks stay."""
    places = [
        place
        for place, letter in enumerate(text)
        if letter not in " %" and "%" not in text[max(0, place - 2) : place]
    ]
    if not places:
        return None
    place = dice.choice(places)
    letter = dice.choice([letter for letter in "xyZ059-/=;,." if letter != text[place]])
    return text[:place] + letter + text[place + 1 :]


def a_letter_of_the_path(dice, arrived, held_to):
    text = replaced(dice, arrived.path[1:])  # a path begins with a slash, or no server lets it through
    return None if text is None else arrived.but(path=f"/{text}")


def a_letter_of_the_query(dice, arrived, held_to):
    text = replaced(dice, arrived.query)
    return None if text is None else arrived.but(query=text)


def another_method(dice, arrived, held_to):
    return arrived.but(method=dice.choice(("DELETE", "POST", "GET", "HEAD")))


def a_byte_of_the_body(dice, arrived, held_to):
    if not arrived.body:
        return arrived.but(body=b"x")
    place = dice.randrange(len(arrived.body))
    other = bytes([arrived.body[place] ^ 1 << dice.randrange(8)])
    return arrived.but(body=arrived.body[:place] + other + arrived.body[place + 1 :])


def headers_changed(change):
    """A change of the list of headers."""

    def changed(dice, arrived, held_to):
        pairs = change(dice, list(arrived.headers.items())) if arrived.headers else None
        return None if pairs is None else arrived.but(headers=CIMultiDictProxy(CIMultiDict(pairs)))

    return changed


def a_letter_of_a_header(dice, pairs):
    place = dice.randrange(len(pairs))
    name, value = pairs[place]
    text = replaced(dice, value)
    return None if text is None else [*pairs[:place], (name, text), *pairs[place + 1 :]]


def a_header_gone(dice, pairs):
    place = dice.randrange(len(pairs))
    return pairs[:place] + pairs[place + 1 :]


def a_header_more(dice, pairs):
    name = dice.choice(("X-Amz-Put-In", "Via", "X-Custom", "X-Amz-Cf-Id", "X-Amzn-Trace-Id", "User-Agent"))
    return [*pairs, (name, dice.choice(TEXTS))]


def headers_in_another_order(dice, pairs):
    """One of a kind may come anywhere; those that come twice keep their order, or not."""
    return dice.sample(pairs, len(pairs))


def headers_spelled_otherwise(dice, pairs):
    return [(dice.choice((name.lower(), name.upper(), name)), value) for name, value in pairs]


def more_blanks(dice, pairs):
    return [(name, value.replace(" ", dice.choice(("  ", "\t", " ")))) for name, value in pairs]


def parts_in_another_order(dice, arrived, held_to):
    if "Authorization" not in arrived.headers:
        return None
    algorithm, _, rest = arrived.headers["Authorization"].partition(" ")
    parts = rest.split(", ")
    between = dice.choice((",", ", ", "  ", " , "))
    text = f"{algorithm} {between.join(dice.sample(parts, len(parts)))}"
    return arrived.with_header("Authorization", text)


def signed_headers_in_another_order(dice, arrived, held_to):
    if "SignedHeaders=" not in arrived.headers.get("Authorization", ""):
        return None
    head, _, rest = arrived.headers["Authorization"].partition("SignedHeaders=")
    names, comma, tail = rest.partition(",")
    names = names.split(";")
    other = ";".join(dice.choice((dice.sample(names, len(names)), names[:-1], [*names, "x-other"])))
    return arrived.with_header("Authorization", f"{head}SignedHeaders={other}{comma}{tail}")


def parameters_in_another_order(dice, arrived, held_to):
    pairs = arrived.query.split("&")
    return arrived.but(query="&".join(dice.sample(pairs, len(pairs))))


def parameters_encoded_otherwise(dice, arrived, held_to):
    """What may stand bare, stands bare or encoded, in small letters."""

    def encoded(text):
        bare = unquote(text)
        return quote(bare, safe=dice.choice(("-_.~", "-_.~/:,;@", ""))).replace("%2F", "%2f")

    pairs = [pair.partition("=") for pair in arrived.query.split("&")] if arrived.query else []
    return arrived.but(query="&".join(encoded(name) + "=" + encoded(value) for name, _, value in pairs))


def a_parameter_more(dice, arrived, held_to):
    more = dice.choice(("a=1", "X-Amz-Date=20260102T030405Z", "X-Amz-Expires=5", "Action=X", "b"))
    return arrived.but(query="&".join(filter(None, (arrived.query, more))))


def a_parameter_gone(dice, arrived, held_to):
    pairs = arrived.query.split("&")
    pairs.pop(dice.randrange(len(pairs)))
    return arrived.but(query="&".join(pairs))


def another_secret(dice, arrived, held_to):
    held_to["secret"] = OTHER_SECRET


def another_service(dice, arrived, held_to):
    held_to["service"] = dice.choice(SERVICES)


def another_token(dice, arrived, held_to):
    held_to["session_token"] = dice.choice((None, "another", "TOK/EN+="))


def another_time(dice, arrived, held_to):
    held_to["now"] += timedelta(seconds=dice.choice((-901, -900, -899, 59, 60, 61, 899, 900, 901)))


CHANGES = [
    (change.__name__, change)
    for change in (
        a_letter_of_the_path,
        a_letter_of_the_query,
        another_method,
        a_byte_of_the_body,
        parts_in_another_order,
        signed_headers_in_another_order,
        parameters_in_another_order,
        parameters_encoded_otherwise,
        a_parameter_more,
        a_parameter_gone,
        another_secret,
        another_service,
        another_token,
        another_time,
    )
] + [
    *(
        (change.__name__, headers_changed(change))
        for change in (
            a_letter_of_a_header,
            a_header_gone,
            a_header_more,
            headers_in_another_order,
            headers_spelled_otherwise,
            more_blanks,
        )
    ),
]

"""The vectors of auth-iam.md §1.7: made with botocore's signer, key AKIDEXAMPLE."""

from datetime import UTC, datetime

from tests.identity.received import TARGET, Received, headers_of

VECTOR_TIME = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
VECTOR_STAMP = "20260102T030405Z"


def vector(
    signature: str, *more: tuple[str, str], host: str, target: str, service: str, names: str
) -> Received:
    credential = f"AKIDEXAMPLE/20260102/us-east-1/{service}/aws4_request"
    return Received(
        "POST",
        "/",
        "",
        headers_of(
            ("Host", host),
            ("Content-Type", "application/x-amz-json-1.1"),
            ("X-Amz-Target", target),
            ("X-Amz-Date", VECTOR_STAMP),
            *more,
            (
                "Authorization",
                f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}",
            ),
        ),
        b"{}",
        VECTOR_TIME,
    )


PRIVATE = vector(
    "af36b0b8af3ff84315287b44828a97443cdfd7fd95d7d2c5fcd4949507cb531d",
    host="localhost:8080",
    target=TARGET,
    service="ecr",
    names="content-type;host;x-amz-date;x-amz-target",
)
WITH_TOKEN = vector(
    "e380a7a9ac33e2feed4e92da98e218bd58f7e568c4f99335067469496a2164a5",
    ("X-Amz-Security-Token", "SESSIONTOKENEXAMPLE=="),
    host="localhost:8080",
    target=TARGET,
    service="ecr",
    names="content-type;host;x-amz-date;x-amz-security-token;x-amz-target",
)
PUBLIC = vector(
    "05a71292079d134fab7ed16019b6a08643512b0dc022264efa0c941a4be4fbb3",
    host="api.ecr-public.us-east-1.amazonaws.com",
    target="SpencerFrontendService.DescribeRegistries",
    service="ecr-public",
    names="content-type;host;x-amz-date;x-amz-target",
)
PRESIGNED = Received(
    "GET",
    "/",
    "Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256"
    "&X-Amz-Credential=AKIDEXAMPLE%2F20260102%2Fus-east-1%2Fsts%2Faws4_request"
    f"&X-Amz-Date={VECTOR_STAMP}&X-Amz-Expires=900&X-Amz-SignedHeaders=host&X-Amz-Security-Token=TOK%2FEN%2B%3D"
    "&X-Amz-Signature=df6f65354c109d8abb3f3241c6ef8dd1ef4b4b4833c1977e6d854e735b6de38e",
    headers_of(("Host", "sts.us-east-1.amazonaws.com")),
    b"",
    VECTOR_TIME,
)

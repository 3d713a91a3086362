"""The OCI distribution front: docker, podman, containerd and their kin at `/v2/` and `/token/`.

Here lives what is HTTP and OCI: routes, headers, challenges, the codes of errors. What does not: any
rule about images, layers or tags. Each route tells what is asked as operations (`InitiateLayerUpload`,
`PutImage`, …) with `via_oci=True`, and translates what comes back; where OCI and ECR differ by rule,
the operation knows.

    front.py           request → response: the steps in order
    challenge.py       who asks: Basic and Bearer, 401, the token endpoint
    routes.py          the whole table
    exchange.py        one request on its way: who, which registry, which repository
    text.py            what paths and queries say: decoding, digests, tags
    manifests.py  blobs.py  uploads.py  tags.py  referrers.py     one per noun of the specification
    error_response.py  exception → status, code, body

A new route: a function in the file of its noun and a line in `routes.py`.
Sources: OCI distribution specification, main branch; data-plane.md.
"""

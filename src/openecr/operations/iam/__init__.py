"""The IAM API: users, groups, roles, access keys, policies, OIDC providers, and the account itself.

One file per noun, as everywhere in `operations/`. An operation here is about the caller's own account:
IAM has neither registries nor regions. Beside the nouns: `entities.py` (whom a request names, what
policies call them, how they are shown), `documents.py` (what IAM says of a policy document), `tags.py`,
`paging.py` (MaxItems and Marker), `quotas.py` and `allowance.py` (what simulations may cost).
Not here: STS (`operations/sts.py`), what a policy means (`policy/`), the query protocol (`aws/`). Errors
are the classes of `errors.py` named as the model's shapes; an input's form was judged by the front. To
add an operation: a function in the file of its noun, with the entity it is about as its `resource`.
"""

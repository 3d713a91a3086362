"""What the policies say: the grammar of IAM, and who may do what by it.

`parse` makes a policy from its text or raises; `evaluate` takes a request and all the policies
that have a say in it, and returns a decision that can tell its reasons. Pure: no store, no clock,
no look-up. Which policies those are, which action and resource a call means and what stands in
the request context is the gate's to know; whether a principal exists, an operation's.

A text is read once and compiled: what one request costs is a few string comparisons. Its
comparisons are counted, so that no policy and no request makes a decision take long.

To add a condition operator: a line in `conditions.OPERATORS`, and one in the slow evaluator of
the tests, which is written from the documentation alone. Source: auth-iam.md §4, §6, §7.
"""

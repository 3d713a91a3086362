"""Front: the AWS APIs, in AWS JSON 1.1 (ECR, ECR Public) and the query protocol (STS, IAM).

Lives here: the service models (`model.py`); how each protocol names an operation, reads its input and
writes outputs and errors (`aws_json.py` with `parse.py` and `serialize.py`; `query.py`); the constraints of
an input (`validate.py`); and these steps in their order, the same for both protocols (`front.py`).
Not here: what an operation does, who may ask for it, whether a signature holds.
To add a service: its name in `model.py`. To add an operation: nothing here; the model lists it, and
`operations/` has the function.
"""

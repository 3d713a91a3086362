"""Front: AWS JSON 1.1. Knows service models and nothing of registries.

Lives here: which operation a request names (`model.py`), its input read (`parse.py`) and judged
(`validate.py`) by the shapes of the model, the output and the errors written (`serialize.py`,
`error_response.py`), and these steps in their order (`front.py`).
Not here: what an operation does, who may ask for it, whether a signature holds.
To add a service: its name in `model.py`. To add an operation: nothing here; the model lists it, and
`operations/` has the function.
"""

"""docs/openapi.json as a judge: every answer of a running gateway against what the document says of it."""
import json
import re

import jsonschema

import support
from api_client import Api

DOCUMENT = json.loads((support.ROOT / "docs" / "openapi.json").read_text())


def operations():
    """(method, path, operation), for each."""
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def pattern_of(path):
    return re.compile("".join("[^/]+" if part.startswith("{") else re.escape(part) for part in re.split(r"({\w+})", path)))


def operation_of(method, target):
    """The operation that a request asks for; a path written out beats one with a name in that place. None: there is none."""
    path = target.split("?")[0]
    found = [(p.count("{"), p, o) for m, p, o in operations() if m == method and pattern_of(p).fullmatch(path)]
    return min(found, default=(0, None, None), key=lambda f: f[:2])[2]


def validate(value, schema):
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "components": DOCUMENT["components"]}
    jsonschema.Draft202012Validator(whole, format_checker=jsonschema.FormatChecker()).validate(value)


def check_problem(answer):
    assert answer.headers["content-type"] == "application/problem+json", (answer.status, answer.body)
    problem = answer.json()
    validate(problem, {"$ref": "#/components/schemas/problem"})
    assert problem["status"] == answer.status
    assert problem["type"] == f"urn:consentry:problem:{problem['code']}"


class CheckedApi(Api):
    """Every answer is held against the document. `done`: operations that gave what they promise, shared by all who ask."""

    def __init__(self, *arguments, done=None, **more):
        super().__init__(*arguments, **more)
        self.done = set() if done is None else done

    def ask(self, method, path, body=None, headers=None):
        answer = super().ask(method, path, body, headers)
        operation = operation_of(method, path)
        if answer.status >= 400:
            check_problem(answer)
            return answer
        assert operation, f"{method} {path} is answered, but not in the document"
        described = operation["responses"].get(str(answer.status))
        assert described, f"{operation['operationId']} answered {answer.status}, which the document does not know"
        content = described["content"].get(answer.headers["content-type"])
        assert content, f"{operation['operationId']} answered with {answer.headers['content-type']}"
        is_json = answer.headers["content-type"] == "application/json"
        try:
            validate(answer.json() if is_json else answer.body.decode(errors="replace"), content["schema"])
        except jsonschema.ValidationError as e:
            raise AssertionError(f"{operation['operationId']}: {e.message} at {list(e.absolute_path)}") from e
        self.done.add(operation["operationId"])
        return answer

"""HTTP to the gateway as a CRM does it: a bearer token, over TCP or TLS."""
import http.client
import json
import ssl

import support


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = {name.lower(): value for name, value in headers}
        self.body = body

    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        return self.json()["code"]


class Api:
    def __init__(self, port, token=None, tls=False, reason=None):
        self.port = port
        self.token = token
        self.tls = tls
        self.reason = reason

    def connect(self):
        if self.tls:
            return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=support.PATIENCE_S,
                                               context=ssl._create_unverified_context())
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=support.PATIENCE_S)

    def ask(self, method, path, body=None, headers=None):
        given = dict(headers or {})
        if self.token:
            given.setdefault("Authorization", f"Bearer {self.token}")
        if self.reason:
            given.setdefault("X-Reason", self.reason)
        if body is not None and not isinstance(body, (str, bytes)):
            body = json.dumps(body)
        if body is not None:
            given.setdefault("Content-Type", "application/json")
        connection = self.connect()
        try:
            connection.request(method, path, body, given)
            answer = connection.getresponse()
            # A stream of events has no end: its first is answer enough.
            is_stream = answer.getheader("Content-Type") == "text/event-stream"
            return Answer(answer.status, answer.getheaders(), answer.read1(65536) if is_stream else answer.read())
        finally:
            connection.close()

    def get(self, path, **how):
        return self.ask("GET", path, **how)

    def post(self, path, body, **how):
        return self.ask("POST", path, body, **how)


def sign_in(gateway, login, role, tenant=None, reason=None, tls=False):
    """A new person's way in."""
    whose = ["--tenant", tenant] if tenant else []
    gateway.cli("user", "add", login, "--name", login.title(), "--role", role, *whose)
    return Api(gateway.admin, gateway.json("token", "add", login, *whose)["token"], tls, reason)

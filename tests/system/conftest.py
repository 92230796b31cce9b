"""One gateway with its surroundings for each test file; the tests of a file use recipients of their own."""
import pytest

import neighbours
import support


def pytest_configure(config):
    config.addinivalue_line("markers", "quick: also run against the sanitized build")


class House:
    """A gateway that signs for sender.test, a name server that publishes its keys, and one sink for all mail."""

    def __init__(self, home, settings=None):
        self.home = home
        self.knot = neighbours.Knot(home, {"sender.test": [], "gw.test": [], "rcpt.test": []})
        self.sink = neighbours.MailSink(home)
        self.settings = settings or {}

    def __enter__(self):
        self.knot.start()
        self.sink.start()
        settings = {
            "dns": {"forward": [f"{self.knot.host}@{self.knot.port}"], "timeout_s": 3,
                    "allow_loopback": True},
            "route": [{"domain": "*", "host": "127.0.0.1", "port": self.sink.port}],
        } | self.settings
        self.gateway = support.Gateway(self.home, settings)
        try:
            self.gateway.start()
            self.knot.publish(self.gateway.add_tenant()["dns"])
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for daemon in (getattr(self, "gateway", None), self.sink, self.knot):
            if daemon is not None:
                daemon.__exit__()

    def received(self, *recipients):
        """The mail of these recipients at the sink, as bytes, once all of it is there."""
        def found():
            rows = self.sink.received()
            numbers = {r["recipients"]: i for i, r in enumerate(rows)}
            return [numbers[r] for r in recipients] if all(r in numbers for r in recipients) else None
        numbers = support.wait_for(found, f"mail for {recipients}")
        return [self.sink.mail()[n] for n in numbers]


@pytest.fixture
def home():
    with support.folder() as path:
        yield path


@pytest.fixture(scope="module")
def house():
    with support.folder() as path, House(path) as h:
        yield h

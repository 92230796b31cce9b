"""For the tests that drive built programs: where they are, and the module that starts them."""
import pathlib
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent / "system"))


def pytest_configure():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that fixtures end what they started

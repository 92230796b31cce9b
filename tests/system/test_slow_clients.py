"""Clients of the web listeners that dribble: each is cut within its bound, and meanwhile everybody else is served."""
import socket
import threading
import time

import pytest

import support
from conftest import House

DRIBBLERS = 20
# The head of a request has 15 s to arrive.
BOUND_S = 15


@pytest.fixture
def house():
    with support.folder() as path:
        house = House(path, {"public": {"address": "127.0.0.1:0"}})
        with house:
            yield house


class Dribbler(threading.Thread):
    """Sends a byte of a head that never ends every second; remembers how long it was endured."""

    def __init__(self, port, first=b"POST /u/x HTTP/1.1\r\nHost: gw.test\r\nX-Slow: "):
        super().__init__()
        self.port, self.first, self.endured_s = port, first, None

    def run(self):
        begun = time.monotonic()
        with socket.create_connection(("127.0.0.1", self.port), timeout=BOUND_S + 20) as s:
            try:
                s.sendall(self.first)
                while time.monotonic() - begun < BOUND_S + 20:
                    s.settimeout(1)
                    try:
                        if not s.recv(4096):
                            break
                    except TimeoutError:
                        s.sendall(b"a")
            except OSError:
                pass
        self.endured_s = time.monotonic() - begun


def get(port):
    """How long the page of a wrong link takes, which anybody may ask for."""
    begun = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), timeout=10) as s:
        s.sendall(b"GET /u/nothing HTTP/1.1\r\nHost: gw.test\r\nConnection: close\r\n\r\n")
        answer = b""
        while piece := s.recv(65536):
            answer += piece
    assert answer.startswith(b"HTTP/1.1 "), answer[:200]
    return time.monotonic() - begun


def test_who_dribbles_is_cut_and_keeps_nobody_waiting(house):
    port = house.gateway.public
    slow = [Dribbler(port) for _ in range(DRIBBLERS)]
    for d in slow:
        d.start()
    time.sleep(1)
    waits = []
    while any(d.is_alive() for d in slow):
        waits.append(get(port))
        time.sleep(1)
    assert max(waits) < 5, f"others waited {max(waits):.1f} s"
    for d in slow:
        assert d.endured_s < BOUND_S + 10, f"endured for {d.endured_s:.0f} s"
    assert get(port) < 5


def test_a_head_without_end_is_refused_by_its_size(house):
    with socket.create_connection(("127.0.0.1", house.gateway.public), timeout=20) as s:
        try:
            s.sendall(b"GET /u/x HTTP/1.1\r\nHost: gw.test\r\nX-Long: " + b"a" * 200_000)
        except OSError:
            pass
        try:
            answer = s.recv(65536)
        except ConnectionResetError:
            answer = b""
    assert answer == b"" or answer.split(b" ")[1] in (b"400", b"431"), answer[:200]
    assert get(house.gateway.public) < 5

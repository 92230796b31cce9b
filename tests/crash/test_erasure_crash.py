"""Killed at random moments while persons are erased and the store's files are rewritten under load.

Afterwards: nothing acknowledged is lost, who was answered "erased" stays erased and comes back by no import, the journal is whole,
and one maintenance later no raw file of the store holds an erased address.
CONSENTRY_ERASURE_KILLS (4) says how often the daemon is killed in each test.
"""
import os
import random
import threading
import time

import pytest

import support
from plant import Plant

KILLS = int(os.environ.get("CONSENTRY_ERASURE_KILLS", "4"))
PERSONS = 60


@pytest.fixture
def moments():
    seed = os.environ.get("CONSENTRY_SEED") or str(random.randrange(10**9))
    print(f"CONSENTRY_SEED={seed}")
    return random.Random(seed)


def address(n):
    return f"erasable.person.{n:03}@waits.test"


def plant_with_waiting_mail(home, **how):
    """Nobody answers for waits.test, so that mail to it stays in the queue."""
    plant = Plant(home, **how)
    plant.gateway.settings["route"].insert(0, {"domain": "waits.test", "host": "127.0.0.1", "port": support.free_port()})
    return plant


class Eraser(threading.Thread):
    """Erases one person after the other and compacts all the time; remembers what was answered."""

    def __init__(self, gateway):
        super().__init__()
        self.gateway = gateway
        self.erased = []
        self.compactions = 0
        self.over = False

    def run(self):
        n = 0
        while not self.over:
            if n < PERSONS:
                done = self.gateway.cli("person", "erase", "acme", address(n), "--reason", "asked for it", "--json", code=None)
                if done.startswith("{") and '"erased_at"' in done:
                    self.erased.append(n)
                    n += 1
            if self.gateway.cli("store", "compact", "--background", "--json", code=None).startswith("{"):
                self.compactions += 1
            time.sleep(0.05)


def files_with(store, word):
    found = []
    for path in store.rglob("*"):
        if path.is_file() and not path.is_symlink() and word in path.read_bytes():
            found.append(str(path.relative_to(store)))
    return found


def queue_waiting_mail(plant):
    plant.gateway.import_consents([{"email": address(n), "name": f"Erasable Person {n:03}"} for n in range(PERSONS)])
    plant.gateway.add_credential("acme", "waits", campaign="waits")
    with plant.gateway.login("waits", tls="none") as client:
        for n in range(PERSONS):
            client.sendmail("news@sender.test", [address(n)], support.letter(address(n), id=f"waits-{n}"))


def erase_and_kill(plant, moments):
    queue_waiting_mail(plant)
    gateway = plant.gateway
    plant.start_load()
    plant.wait_acked(50)
    eraser = Eraser(gateway)
    eraser.start()
    try:
        for _ in range(KILLS):
            before = len(eraser.erased)
            time.sleep(moments.uniform(0.1, 1.2))
            plant.kill()
            plant.restart()
            support.wait_for(lambda: len(eraser.erased) > before or len(eraser.erased) == PERSONS, "another erasure")
    finally:
        eraser.over = True
        eraser.join()
    plant.wait_acked(50)
    assert eraser.compactions > 0, "no compaction was ever begun: the test says nothing"
    gateway.cli("queue", "purge", "--tenant", "acme", "--campaign", "waits", "--reason", "end of the test")
    counts = plant.count()
    gateway.cli("journal", "verify")
    # An older consent does not bring anybody back.
    gateway.import_consents([address(n) for n in eraser.erased])
    for n in eraser.erased:
        report = gateway.json("person", "report", "acme", address(n))
        assert "address" not in report["person"], report["person"]
        assert "erased" in report
        assert all(mail["outcome"] != "queued" for mail in report["mails"])
    support.wait_for(lambda: not gateway.json("store", "compact", "--status")["running"], "the last compaction")
    gateway.cli("store", "compact")
    for n in eraser.erased:
        word = address(n).split("@")[0].encode()
        assert not files_with(gateway.store, word), f"{word} in {files_with(gateway.store, word)}"
    print({**counts, "erased": len(eraser.erased), "compactions": eraser.compactions})
    return counts


def test_killed_while_erasing(moments):
    with support.folder() as home, plant_with_waiting_mail(home) as plant:
        erase_and_kill(plant, moments)


def test_killed_while_erasing_on_a_disk_that_forgets(moments):
    with support.folder() as home, plant_with_waiting_mail(home, forgetful=True) as plant:
        erase_and_kill(plant, moments)

"""Killed at random moments while a list is imported and persons on that list withdraw or are erased.

Afterwards: the import has ended with every row once, who was answered "withdrawn" or "erased" is so although the list holds an older consent of
theirs, the journal is whole, and one maintenance later no raw file of the store holds an erased address.
CONSENTRY_RIGHTS_KILLS (5) says how often the daemon is killed in each test.
"""
import os
import subprocess
import threading
import time

import pytest

import support
from test_erasure_crash import files_with, moments  # noqa: F401: a fixture
from test_import_crash import ImportPlant

KILLS = int(os.environ.get("CONSENTRY_RIGHTS_KILLS", "5"))
ROWS = 60_000
PERSONS = 40


def erased(n):
    return f"erasable.one.{n:03}@crowd.test"


def leaving(n):
    return f"leaving.one.{n:03}@crowd.test"


def people():
    """Those with rights lie all over the list."""
    rows = [{"email": f"p{i}@crowd.test"} for i in range(ROWS)]
    step = ROWS // PERSONS
    for n in range(PERSONS):
        rows[n * step] = {"email": erased(n), "name": f"Erasable One {n:03}"}
        rows[n * step + step // 2] = {"email": leaving(n)}
    return rows


class Rights(threading.Thread):
    """One person after the other withdraws, one is erased; remembers what was answered."""

    def __init__(self, gateway):
        super().__init__()
        self.gateway = gateway
        self.erased, self.withdrawn = [], []
        self.over = False

    def run(self):
        done = {}
        while not self.over and len(done) < 2 * PERSONS:
            n = len(done) // 2
            if len(done) % 2 == 0:
                answer = self.gateway.cli("person", "erase", "acme", erased(n), "--reason", "asked for it", "--json", code=None)
                if answer.startswith("{") and '"erased_at"' in answer:
                    self.erased.append(n)
                    done[("erased", n)] = True
            else:
                answer = self.gateway.cli("consent", "withdraw", "acme", leaving(n), "--json", code=None)
                if answer.startswith("{"):
                    self.withdrawn.append(n)
                    done[("withdrawn", n)] = True
            time.sleep(0.02)


def start_import(gateway, file, log, import_id):
    resume = ["--resume", import_id] if import_id else []
    return subprocess.Popen([support.program("consentry"), "--socket", str(gateway.socket), "consent", "import", "acme", str(file), *resume],
                            stdout=log, stderr=log)


def import_through_kills(plant, home, moments):
    """Gives the rights' thread once the import is done; both went on through all kills."""
    gateway = plant.gateway
    file = home / "list.csv"
    file.write_text(support.consent_csv(people()))
    rights = Rights(gateway)
    states = []
    with open(home / "client.log", "ab") as log:
        client = start_import(gateway, file, log, None)
        support.wait_for(lambda: gateway.json("consent", "imports", "acme")["imports"], "the job")
        rights.start()
        try:
            for kill in range(KILLS):
                if kill >= KILLS // 2 and plant.newest()["state"] != "uploading":
                    # The second half of the kills is for the rows being applied.
                    support.wait_for(lambda: plant.newest()["state"] in ("applying", "done"), "the rows to be applied", 60)
                    time.sleep(moments.uniform(0, 0.2))
                else:
                    time.sleep(moments.uniform(0.05, 0.6))
                states.append(plant.newest()["state"])
                plant.restart()
                if client.poll() is None:
                    client.wait(support.PATIENCE_S)
                if plant.newest()["state"] == "uploading":
                    client = start_import(gateway, file, log, plant.newest()["import"])
            client.wait(support.PATIENCE_S)
            if plant.newest()["state"] == "uploading":
                start_import(gateway, file, log, plant.newest()["import"]).wait(support.PATIENCE_S)
            support.wait_for(lambda: plant.newest()["state"] in ("done", "failed", "refused", "cancelled"), "the import to end", 120)
            support.wait_for(lambda: len(rights.withdrawn) == PERSONS, "every person's right", 120)
        finally:
            rights.over = True
            rights.join()
    print({"killed while": states, "erased": len(rights.erased), "withdrawn": len(rights.withdrawn)})
    return rights


@pytest.mark.parametrize("forgetful", [False, True], ids=["killed", "disk_that_forgets"])
def test_rights_during_an_import(moments, forgetful):  # noqa: F811
    if forgetful and support.is_sanitized():
        pytest.skip("a sanitized build has its own interceptors")
    with support.folder() as home:
        plant = ImportPlant(home, forgetful)
        with plant.gateway as gateway:
            gateway.add_tenant()
            rights = import_through_kills(plant, home, moments)
            job = plant.newest()
            assert job["state"] == "done", f"{job}\n{gateway.output()[-3000:]}"
            # Rows of erased persons may have lost their address in the upload, and are refused then, or by the tombstone.
            assert job["rows"] == ROWS
            assert ROWS - PERSONS <= job["applied"] <= ROWS, job
            assert len(rights.erased) == len(rights.withdrawn) == PERSONS
            gateway.cli("journal", "verify")
            for n in rights.withdrawn:
                shown = gateway.json("consent", "show", "acme", leaving(n))
                assert all(c.get("withdrawn_at") for c in shown["consents"]), shown
            # The same list once more brings nobody back.
            gateway.json("consent", "import", "acme", home / "list.csv")
            for n in rights.withdrawn:
                shown = gateway.json("consent", "show", "acme", leaving(n))
                assert shown["consents"] and all(c.get("withdrawn_at") for c in shown["consents"]), shown
            for n in rights.erased:
                report = gateway.json("person", "report", "acme", erased(n))
                assert "address" not in report["person"] and "erased" in report, report
            gateway.cli("store", "compact")
            for n in rights.erased:
                word = erased(n).split("@")[0].encode()
                assert not files_with(gateway.store, word), f"{word} in {files_with(gateway.store, word)}"
            assert gateway.json("store", "compact", "--status")["pending_erasures"] == 0

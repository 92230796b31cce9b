"""An import that is killed again and again ends with every row once: what was reported as applied is there, nothing counts twice.

CONSENTRY_IMPORT_KILLS (6) says how often; the moments are random, the seed is printed.
"""
import json
import os
import random
import shutil
import time

import pytest

import support

KILLS = int(os.environ.get("CONSENTRY_IMPORT_KILLS", "6"))
ROWS = 120_000


@pytest.fixture
def moments():
    seed = os.environ.get("CONSENTRY_SEED") or str(random.randrange(10**9))
    print(f"CONSENTRY_SEED={seed}")
    return random.Random(seed)


class ImportPlant:
    """A gateway whose store may be on a disk that forgets what was not synced (tests/crash/forgetful.c)."""

    def __init__(self, home, forgetful):
        self.forgetful = forgetful
        self.data, self.shadow, self.faults = (home / n for n in ("data", "shadow", "faults"))
        env = {}
        if forgetful:
            for f in (self.data, self.shadow, self.faults):
                f.mkdir()
            env = {"LD_PRELOAD": str(support.forgetful()), "CONSENTRY_SHIM_DATA": str(self.data),
                   "CONSENTRY_SHIM_SHADOW": str(self.shadow), "CONSENTRY_SHIM_FAULTS": str(self.faults)}
        self.gateway = support.Gateway(home, {"tls": {"self_signed": False}, "log": {"format": "json", "level": "warn"},
                                              "smtp": {"auth_without_tls": True},
                                              "listener": [{"address": "127.0.0.1:0", "role": "submission", "tls": "none"}]},
                                       env=env, store=self.data if forgetful else None)

    def restart(self):
        self.gateway.kill()
        if self.forgetful:
            shutil.rmtree(self.data)
            shutil.copytree(self.shadow, self.data, ignore=shutil.ignore_patterns(".inodes"))
        self.gateway.start()

    def newest(self):
        return self.gateway.json("consent", "imports", "acme")["imports"][0]


def people(n):
    return [{"email": f"p{i}@crowd.test", "topic": "news" if i % 3 else "offers"} for i in range(n)]


@pytest.mark.parametrize("forgetful", [False, True], ids=["killed", "disk_that_forgets"])
def test_import_killed(moments, forgetful):
    if forgetful and support.is_sanitized():
        pytest.skip("a sanitized build has its own interceptors")
    with support.folder() as home:
        plant = ImportPlant(home, forgetful)
        with plant.gateway as gateway:
            gateway.add_tenant()
            file = home / "list.csv"
            file.write_text(support.consent_csv(people(ROWS)))
            log = open(home / "client.log", "ab")
            kills, seen = 0, {"uploading": 0, "planning": 0, "applying": 0}
            import_id, applied = None, 0
            while True:
                resume = ["--resume", import_id] if import_id else []
                run = None
                if not import_id or plant.newest()["state"] == "uploading":
                    run = support.subprocess.Popen([support.program("consentry"), "--socket", str(gateway.socket), "consent", "import", "acme",
                                                    str(file), *resume], stdout=log, stderr=log)
                    support.wait_for(lambda: gateway.json("consent", "imports", "acme")["imports"], "the job")
                job = plant.newest()
                import_id = job["import"]
                assert job["applied"] >= applied, "what was reported as applied was forgotten"
                if kills < KILLS and job["state"] in seen:
                    if kills >= KILLS // 2 and job["state"] != "applying":
                        # The second half of the kills is for the rows being applied; a client that failed is asked again.
                        early = ("uploading", "waiting", "planning")
                        support.wait_for(lambda: plant.newest()["state"] not in early or (run and run.poll()),
                                         f"the rows to be applied\n{(home / 'client.log').read_text()[-2000:]}\n{gateway.output()[-2000:]}")
                        if plant.newest()["state"] in early:
                            continue
                    time.sleep(moments.uniform(0, 0.25 if kills >= KILLS // 2 else 1))
                    job = plant.newest()
                    applied = max(applied, job["applied"])
                    seen[job["state"]] = seen.get(job["state"], 0) + 1
                    plant.restart()
                    kills += 1
                if run:
                    run.wait(support.PATIENCE_S)
                if plant.newest()["state"] in ("done", "failed", "refused", "cancelled"):
                    break
                if kills >= KILLS:
                    support.wait_for(lambda: plant.newest()["state"] == "done", "the import to end", 120)
                    break
            print(f"{kills} kills, when: {seen}")
            job = plant.newest()
            assert job["state"] == "done", f"{job}\n{gateway.output()[-3000:]}"
            assert (job["rows"], job["taken"], job["applied"]) == (ROWS, ROWS, ROWS)
            assert job["added"] == ROWS and job["kept"] == 0, "each row was applied once"
            assert seen["applying"] > 0, "no kill met the rows being applied: the test says nothing"
            # Every one is there: the same list brings no news.
            again = gateway.json("consent", "import", "acme", file)
            assert (again["kept"], again["added"]) == (ROWS, 0)
            gateway.cli("journal", "verify")
            slices = [json.loads(line) for line in gateway.cli("journal", "tail", "--json", "-n", "1000").splitlines() if "consent_imported" in line]
            assert slices, "the journal tells of the slices"
            left = [f for f in (gateway.store / "imports").rglob("*") if f.is_file()]
            assert not left, f"copies of the list stay behind: {left}"

"""Nothing that was answered 250 is ever lost, and no 250 is ever false.

CONSENTRY_KILLS (20) says how often the daemon is killed in each of the two kill tests; the moments are random, the seed is printed.
"""
import os
import random
import time

import pytest

import support
from plant import Plant

KILLS = int(os.environ.get("CONSENTRY_KILLS", "20"))


@pytest.fixture
def moments():
    seed = os.environ.get("CONSENTRY_SEED") or str(random.randrange(10**9))
    print(f"CONSENTRY_SEED={seed}")
    return random.Random(seed)


def kill_often(plant, moments, torn=None, kills=KILLS):
    plant.start_load()
    plant.wait_acked(50)
    for _ in range(kills):
        time.sleep(moments.uniform(0.02, 0.8))
        plant.kill()
        plant.restart(torn)
    plant.wait_acked(50)
    print(plant.count())
    plant.gateway.cli("journal", "verify")


def test_killed_under_load(moments):
    with support.folder() as home, Plant(home) as plant:
        kill_often(plant, moments)


def test_killed_on_a_disk_that_forgets(moments):
    """SIGKILL alone keeps the page cache. Here all that was not synced is gone too, as after a power cut."""
    with support.folder() as home, Plant(home, forgetful=True) as plant:
        kill_often(plant, moments)


def test_killed_on_a_disk_that_tears(moments):
    """Segments of the spool end in pieces of what was being written, and in garbage: what was promised is read past it."""
    with support.folder() as home, Plant(home, forgetful=True) as plant:
        kill_often(plant, moments, torn=moments, kills=max(1, KILLS // 2))


def test_killed_during_shutdown(moments):
    with support.folder() as home, Plant(home) as plant:
        plant.start_load()
        plant.wait_acked(100)
        plant.gateway.process.terminate()
        time.sleep(moments.uniform(0, 0.2))
        plant.kills.append(time.time_ns())
        plant.gateway.stop(9)
        plant.restart()
        plant.count()


def test_stops_cleanly_under_load():
    """SIGTERM: what was promised is kept, and nothing comes twice."""
    with support.folder() as home, Plant(home) as plant:
        plant.start_load()
        plant.wait_acked(100)
        assert plant.gateway.stop() == 0
        plant.restart()
        assert plant.count()["duplicates"] == 0


@pytest.mark.parametrize("whose", ["", "-spool", "-data"])
def test_failing_sync(whose):
    """Of a body or of the database: after a failed sync nothing on disk can be trusted: 451 to all who wait, then an orderly end."""
    with support.folder() as home, Plant(home, forgetful=True) as plant:
        plant.start_load()
        plant.wait_acked(100)
        before = plant.acked()
        plant.switch("fail-sync" + whose)
        code = plant.gateway.process.wait(support.PATIENCE_S)
        plant.kills.append(time.time_ns())
        plant.gateway.process = None
        assert code > 0, f"an orderly end with an error, not {code}\n{plant.gateway.output()[-2000:]}"
        # Commits that were already on their way when the disk failed may still have been good; nothing came after them.
        refused = [a for a in plant.answers().values() if a.startswith("451")]
        assert refused, "those who waited were told 451"
        assert all(a[4:].startswith("4.") for a in refused)
        plant.switch("fail-sync" + whose, on=False)
        plant.restart()
        assert plant.acked() >= before
        plant.wait_acked(20)
        plant.count()
        plant.gateway.cli("journal", "verify")


@pytest.mark.parametrize("fault", ["full", "full-spool", "full-data", "low"])
def test_full_disk(fault):
    """452 while there is no room (or less than the reserve), and business as before when there is."""
    with support.folder() as home, Plant(home, forgetful=True) as plant:
        plant.start_load()
        plant.wait_acked(100)
        plant.switch(fault)
        def no_room():
            return sum(1 for a in plant.answers().values() if a.startswith("452"))
        support.wait_for(lambda: no_room() >= 20, "452\n" + plant.gateway.output()[-2000:])
        promised, refused = len(plant.acked()), no_room()
        support.wait_for(lambda: no_room() >= refused + 20, "more 452")
        assert len(plant.acked()) == promised, "a 250 on a full disk"
        assert plant.gateway.process.poll() is None, plant.gateway.output()[-2000:]
        assert not [a for a in plant.answers().values() if a.startswith("5")]
        plant.switch(fault, on=False)
        plant.wait_acked(50)
        # Outcomes could not be written down while the disk was full: what was sent then may be sent again.
        plant.kills.append(time.time_ns())
        plant.stop_load()
        support.wait_for(lambda: plant.gateway.json("stats")["queue"]["queued"] == 0, "the queue to drain", 180)
        assert not plant.acked() - set(plant.arrivals())

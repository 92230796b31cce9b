"""A gateway under steady load in front of a sink that outlives it, and the count of what was promised and what came."""
import collections
import pathlib
import shutil
import signal
import subprocess
import time

import neighbours
import support

# Deliveries that can be in flight at once, so: letters that may come twice after one kill.
IN_FLIGHT_MAX = 20
# From the sink's log line to the gateway's commit of the outcome, on a machine that does other things too.
COMMIT_S = 5
RECIPIENTS = 200


class Plant:
    def __init__(self, home, forgetful=False):
        self.home = pathlib.Path(home)
        self.acks = self.home / "acks"
        self.forgetful = forgetful
        self.data, self.shadow, self.faults = (self.home / n for n in ("data", "shadow", "faults"))
        for f in (self.data, self.shadow, self.faults):
            f.mkdir()
        env = {}
        if forgetful:
            env = {"LD_PRELOAD": str(support.forgetful()), "CONSENTRY_SHIM_DATA": str(self.data),
                   "CONSENTRY_SHIM_SHADOW": str(self.shadow), "CONSENTRY_SHIM_FAULTS": str(self.faults)}
        # Answers late, so that a backlog waits in the store whenever the gateway dies.
        self.sink = neighbours.MailSink(self.home, ["--delay-ms", "20"], save=False)
        self.sink.start()
        self.port = support.free_port()
        self.gateway = support.Gateway(self.home, {
            "listener": [{"address": f"127.0.0.1:{self.port}", "role": "submission", "tls": "none"}],
            "smtp": {"auth_without_tls": True},
            "tls": {"self_signed": False},
            "route": [{"domain": "*", "host": "127.0.0.1", "port": self.sink.port}],
            "delivery": {"connections_per_destination_max": IN_FLIGHT_MAX},
            "dns": {"forward": ["127.0.0.1@9"], "timeout_s": 1},
            "log": {"format": "json", "level": "warn"},
        }, env=env, store=self.data)
        self.kills = []
        self.source = None

    def __enter__(self):
        try:
            self.gateway.start()
            self.gateway.add_tenant()
            self.gateway.import_consents([f"u{i:010}@d{i % 50 + 1:02}.test" for i in range(RECIPIENTS)])
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.stop_load()
        for daemon in (self.gateway, self.sink):
            daemon.__exit__()

    def start_load(self):
        with open(self.home / "source.log", "ab") as log:
            self.source = subprocess.Popen(
                [support.program("load_source"), "--port", str(self.port), "--user", "acme", "--password", self.gateway.PASSWORD,
                 "--connections", "8", "--count", "1000000", "--pool", str(RECIPIENTS), "--bytes", "3000", "--pause-ms", "4",
                 "--reconnect", "--stall-s", "600", "--ack-file", str(self.acks)], stdout=log, stderr=log)

    def stop_load(self):
        if self.source is not None:
            self.source.send_signal(signal.SIGKILL)  # each answer is in the ack file by now
            self.source.wait()
            self.source = None

    def kill(self):
        self.kills.append(time.time_ns())
        assert self.gateway.kill() == -signal.SIGKILL, "it must still have been running\n" + self.gateway.output()[-4000:]

    def restart(self, torn=None):
        """From the same disk; a forgetful one has lost what was not synced. torn: a random.Random; then some of that, and octets that
        nobody wrote, stand behind what was synced of the bodies."""
        if self.forgetful:
            tails = self.torn_tails(torn) if torn else {}
            shutil.rmtree(self.data)
            shutil.copytree(self.shadow, self.data, ignore=shutil.ignore_patterns(".inodes"))
            for path, tail in tails.items():
                if path.exists():
                    with path.open("ab") as segment:
                        segment.write(tail)
        self.gateway.start()

    def torn_tails(self, random):
        tails = {}
        for path in (self.data / "spool").iterdir():
            kept = self.shadow / "spool" / path.name
            unsynced = path.read_bytes()[kept.stat().st_size if kept.exists() else 0:]
            tails[path] = unsynced[:random.randrange(len(unsynced) + 1)] + random.randbytes(random.randrange(1, 5000))
        return tails

    def switch(self, name, on=True):
        path = self.faults / name
        path.touch() if on else path.unlink()

    # -- the count ----------------------------------------------------------------------------------------------------

    def answers(self):
        """Number -> "+", "?", or the refusal's text."""
        found = {}
        for line in self.acks.read_text().splitlines() if self.acks.exists() else []:
            kind, number, *text = line.split(" ", 2)
            found[int(number)] = text[0] if text else kind
        return found

    def acked(self):
        return {n for n, answer in self.answers().items() if answer == "+"}

    def wait_acked(self, more):
        """Until so many more were promised than now."""
        target = len(self.acked()) + more
        support.wait_for(lambda: len(self.acked()) >= target, f"{more} more messages to be taken\n{self.gateway.output()[-2000:]}")

    def arrivals(self):
        """Number -> times of arrival in ns."""
        found = collections.defaultdict(list)
        for row in self.sink.received():
            if row["id"].startswith("load-"):
                found[int(row["id"][5:])].append(int(row["time_ns"]))
        return found

    def count(self):
        """Lets the rest be delivered, then: nothing promised is missing, nothing came twice but what a kill caught in flight."""
        self.stop_load()
        promised = self.acked()
        assert promised, "nothing was taken at all: the test says nothing"
        support.wait_for(lambda: self.gateway.json("stats")["queue"]["queued"] == 0, "the queue to drain", 180)
        arrivals = self.arrivals()
        missing = sorted(promised - set(arrivals))
        assert not missing, f"{len(missing)} of {len(promised)} promised messages never came: {missing[:10]}"
        twice = {n: times for n, times in arrivals.items() if len(times) > 1}
        by_kill = collections.Counter()
        for number, times in twice.items():
            # Each copy but the last was in flight at some kill.
            for at in times[:-1]:
                kill = next((k for k in self.kills if k - COMMIT_S * 10**9 <= at <= k + 10**8), None)
                assert kill is not None, f"message {number} came {len(times)} times without a kill in between"
                by_kill[kill] += 1
        assert all(n <= IN_FLIGHT_MAX for n in by_kill.values()), f"duplicates of each kill: {sorted(by_kill.values())}"
        return {"promised": len(promised), "kills": len(self.kills), "duplicates": len(twice)}

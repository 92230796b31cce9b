"""A million queued: `scripts/bench backlog`. What a long queue costs in memory, at a start, and when a large campaign is taken out of it.

  bench backlog                    500,000 messages of one campaign and 500,000 recipients of another, to 49 domains whose host is dead
  bench backlog --thousands 100    smaller, in thousands of recipients

Mail to a fiftieth domain flows on all the time: its latency from the end of data to the sink is what the purge is measured against.
"""
import argparse
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

from bench_report import ROOT, build_programs, machine, write_result
from import_measures import Watch, cpu_s, memory_mib

DOMAINS = 50
FAN_OUT = 50  # recipients of a message of the second campaign: one at each domain


def settings(sink_port, dead_port):
    routes = [{"domain": "d01.test", "host": "127.0.0.1", "port": sink_port}, {"domain": "*", "host": "127.0.0.1", "port": dead_port}]
    return {"listener": [{"address": "127.0.0.1:0", "role": "submission", "tls": "none"}], "smtp": {"auth_without_tls": True},
            "store": {"map_size_gib": 64}, "route": routes, "dns": {"forward": ["127.0.0.1@9"], "timeout_s": 1},
            "delivery": {"retry_first_s": 3600, "retry_max_s": 3600}, "log": {"format": "json", "level": "warn"}}


class Probe:
    """Mail to the live domain, one after the other: how long until its 250, and until it is at the sink."""

    def __init__(self, support, gateway, sink):
        self.support, self.gateway, self.sink = support, gateway, sink
        self.taken_ms, self.delivered_ms, self.is_on = [], [], True
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        client = self.gateway.login("flow", tls="none")
        while self.is_on:
            seen, began = self.sink.messages_log.stat().st_size, time.monotonic()
            client.sendmail("news@sender.test", ["flow@d01.test"], self.support.letter("flow@d01.test"))
            self.taken_ms.append((time.monotonic() - began) * 1000)
            while self.sink.messages_log.stat().st_size == seen and time.monotonic() - began < 30:
                time.sleep(0.001)
            self.delivered_ms.append((time.monotonic() - began) * 1000)
        client.quit()

    def stop(self):
        self.is_on = False
        self.thread.join()
        return {"to_250": percentiles(self.taken_ms), "to_sink": percentiles(self.delivered_ms)}


def percentiles(values):
    ordered = sorted(values)
    return {"count": len(ordered)} | {f"p{p}_ms": round(ordered[min(len(ordered) - 1, len(ordered) * p // 100)], 1) for p in (50, 99, 100)}


def folder_bytes(folder):
    return sum(f.stat().st_size for f in folder.glob("*.seg"))


class Bench:
    def __init__(self, a, support, gateway, sink):
        self.a, self.support, self.gateway, self.sink = a, support, gateway, sink
        self.first = 0

    def stats(self):
        return self.gateway.json("stats")["queue"]

    def load(self, user, messages, recipients):
        """In parts, so that no single run takes too long."""
        began, per_s = time.monotonic(), []
        for start in range(0, messages, 50_000):
            count = min(50_000, messages - start)
            done = self.support.load(self.gateway, "--user", user, "--password", self.gateway.PASSWORD, "--connections", 20, "--bytes", self.a.bytes,
                                     "--domains", DOMAINS, "--recipients", recipients, "--pool", 1000, "--first", self.first, "--count", count)
            if done["acked"] != count:
                sys.exit(f"only {done['acked']} of {count} were taken: {done['last_error']}")
            self.first += count
            per_s.append(round(done["per_second"]))
        return {"messages": messages, "seconds": round(time.monotonic() - began, 1), "messages_per_s": per_s}

    def at_sink(self):
        return self.sink.messages_log.read_bytes().count(b"\n") if self.sink.messages_log.exists() else 0

    def restart(self):
        """To the port that takes a message, to that message's 250, and to its arrival at the sink."""
        g, seen = self.gateway, self.at_sink()
        g.kill()
        port = g.submission
        g.settings["listener"] = [{"address": f"127.0.0.1:{port}", "role": "submission", "tls": "none"}]
        g.write_config()
        began = time.monotonic()
        g.spawn([self.support.program("consentryd"), "--config", str(g.config)], g.env)
        while not self.support.is_listening("127.0.0.1", port):
            time.sleep(0.002)
        client = g.login("flow", tls="none")
        client.sendmail("news@sender.test", ["flow@d01.test"], self.support.letter("flow@d01.test", id="first"))
        accepted = time.monotonic() - began
        while self.at_sink() == seen:
            time.sleep(0.005)
        delivered = time.monotonic() - began
        client.quit()
        self.support.wait_for(lambda: g.socket.exists(), "the admin socket")
        return {"first_accepted_s": round(accepted, 3), "first_delivery_s": round(delivered, 3)}

    def purge(self, quiet):
        g = self.gateway
        before = folder_bytes(g.store / "spool")
        probe = Probe(self.support, g, self.sink)
        began = time.monotonic()
        said = g.json("queue", "purge", "--tenant", "acme", "--campaign", "spring", "--reason", "a benchmark")
        took = time.monotonic() - began
        during = probe.stop()
        while folder_bytes(g.store / "spool") > before * 0.75 and time.monotonic() - began < 120:
            time.sleep(0.5)
        return {"recipients": said["changed"], "seconds": round(took, 2), "flow_alone": quiet, "flow_during": during,
                "spool_bytes_before": before, "spool_bytes_after": folder_bytes(g.store / "spool"),
                "spool_given_back_after_s": round(time.monotonic() - began, 1)}


def alone(bench):
    probe = Probe(bench.support, bench.gateway, bench.sink)
    time.sleep(5)
    return probe.stop()


def run(a):
    import neighbours
    import support
    support.PATIENCE_S = 600
    with tempfile.TemporaryDirectory(prefix="backlog-", dir=a.folder) as folder, socket.socket() as dead:
        dead.bind(("127.0.0.1", 0))  # bound, not listening: connections are refused
        home = pathlib.Path(folder)
        sink = neighbours.MailSink(home, [], save=False)
        with sink, support.Gateway(home, settings(sink.port, dead.getsockname()[1])) as g:
            g.add_tenant()
            g.add_credential("acme", "fan", campaign="autumn")
            g.cli("tenant", "add", "flow", "--legal-name", "Flow Kft.", "--contact", "office@sender.test")
            g.add_credential("acme", "flow", stream="transactional", topic=None)
            g.import_consents([f"u{n:010}@d{n % DOMAINS + 1:02}.test" for n in range(1000)]
                              + [f"u{n:010}.{w}@d{w % DOMAINS + 1:02}.test" for n in range(1000) for w in range(FAN_OUT)])
            bench = Bench(a, support, g, sink)
            half = a.thousands * 500
            watch, cpu = Watch(g.process.pid), cpu_s(g.process.pid)
            # One of fifty goes to the domain that lives.
            live = DOMAINS / (DOMAINS - 1)
            filled = {"spring": bench.load("acme", round(half * live), 1), "autumn": bench.load("fan", round(half * live / FAN_OUT), FAN_OUT)}
            queue = bench.stats()
            result = {"filled": filled, "queued": queue["queued"], "peak_anonymous_mib": round(watch.stop(), 1),
                      "filling_cpu_s": round(cpu_s(g.process.pid) - cpu, 1)}
            print(f"filled: {queue['queued']} queued, {filled}, peak RssAnon {result['peak_anonymous_mib']} MiB", flush=True)
            time.sleep(10)
            result["anonymous_mib"] = round(memory_mib(g.process.pid, "RssAnon"), 1)
            began = time.monotonic()
            by_campaign = g.json("queue", "count")["counts"]
            result["count_s"] = round(time.monotonic() - began, 3)
            result["campaigns"] = {c["campaign"]: c["queued"] for c in by_campaign}
            result["restarts"] = [bench.restart() for _ in range(3)]
            time.sleep(10)
            result["anonymous_mib_after_restart"] = round(memory_mib(g.process.pid, "RssAnon"), 1)
            print(f"RssAnon {result['anonymous_mib']} MiB, after a restart {result['anonymous_mib_after_restart']}; counted in {result['count_s']} s; "
                  f"restarts {result['restarts']}", flush=True)
            watch = Watch(g.process.pid)
            result["purge"] = p = bench.purge(alone(bench))
            result["purge"]["peak_anonymous_mib"] = round(watch.stop(), 1)
            print(f"purge: {p['recipients']} in {p['seconds']} s; mail beside it {p['flow_alone']} alone, {p['flow_during']} meanwhile; spool "
                  f"{p['spool_bytes_before'] >> 20} MiB -> {p['spool_bytes_after'] >> 20} MiB after {p['spool_given_back_after_s']} s", flush=True)
            return result


def main(words):
    p = argparse.ArgumentParser(prog="bench backlog", description=__doc__.split("\n")[0])
    p.add_argument("--thousands", type=int, default=1000, help="of recipients (default 1000)")
    p.add_argument("--bytes", type=int, default=2048, help="of each message (default 2048)")
    p.add_argument("--repeats", type=int, default=1)
    p.add_argument("--folder", default=None, help="where the store lies while it is measured")
    p.add_argument("--build", default="build/release")
    p.add_argument("--out", type=pathlib.Path, default=ROOT / "bench/results")
    a = p.parse_args(words)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    os.environ["CONSENTRY_BUILD"] = str(build_programs(a.build, "consentryd", "consentry", "load_source", "mail_sink"))
    runs = [run(a) for _ in range(a.repeats)]
    write_result(a.out, "backlog", {k: v for k, v in vars(a).items() if k not in ("out", "build", "folder")}, machine(), runs)

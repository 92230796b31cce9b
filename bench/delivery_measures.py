"""Whether trouble and depth cost those who have nothing to do with them: `scripts/bench delivery`. Pairs in turns, median of each side.

  bench delivery hosts   mail to 50 hosts, and to the same with one of them dead (it takes no connections) and one slow (2 s a reply):
                         how fast the other 48 get theirs
  bench delivery depth   the CPU of a relayed message with 1,000 queued and with 1,000,000

Two gateways stand side by side; the one that does not have its turn has nothing to do.
"""
import argparse
import contextlib
import os
import pathlib
import signal
import socket
import statistics
import sys
import tempfile
import time

from bench_report import ROOT, build_programs, machine, write_result
from import_measures import cpu_s, memory_mib

DOMAINS = 50
DEEP_DOMAINS, LIVE_DOMAINS = 99, 5  # of depth: each message of the backlog goes to 99, five of them alive


def settings(routes, **delivery):
    return {"listener": [{"address": "127.0.0.1:0", "role": "submission", "tls": "none"}], "smtp": {"auth_without_tls": True},
            "store": {"map_size_gib": 64}, "route": routes, "dns": {"forward": ["127.0.0.1@9"], "timeout_s": 1},
            "delivery": {"retry_first_s": 3600, "retry_max_s": 3600} | delivery, "log": {"format": "json", "level": "warn"}}


def routes(sink, others=None, domains=DOMAINS):
    """others: number of a domain -> (host, port) that is not the sink's."""
    hosts = {n: (f"127.0.1.{n}", sink.port) for n in range(1, domains + 1)} | (others or {})
    return [{"domain": f"d{n:02}.test", "host": host, "port": port} for n, (host, port) in hosts.items()]


class DeadHost:
    """Listens with a full queue: a connection to it is neither taken nor refused."""

    def __enter__(self):
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(0)
        self.address = self.listener.getsockname()
        self.fillers = []
        for _ in range(4):
            s = socket.socket()
            s.setblocking(False)
            s.connect_ex(self.address)
            self.fillers.append(s)
        return self

    def __exit__(self, *_):
        for s in (self.listener, *self.fillers):
            s.close()


class Side:
    """One gateway of a pair."""

    def __init__(self, a, support, gateway, sink, domains):
        self.a, self.support, self.gateway, self.sink, self.domains = a, support, gateway, sink, domains
        self.pid = gateway.process.pid
        self.first = 0
        self.runs = []

    def load(self, count, domains, recipients=1, user="acme", extra=()):
        done = self.support.load(self.gateway, "--user", user, "--password", self.gateway.PASSWORD, "--connections", 20, "--bytes", self.a.bytes,
                                 "--domains", domains, "--recipients", recipients, "--first", self.first, "--count", count, *extra)
        if done["acked"] != count:
            sys.exit(f"only {done['acked']} of {count} were taken: {done['last_error']}")
        self.first += count

    def run(self, count, domains, living):
        """Until what goes to the first `living` domains has arrived."""
        numbers = range(self.first, self.first + count)
        want = sum(n % domains < living for n in numbers)
        seen, wanted = self.arrived(living), 0
        began, cpu = time.time(), cpu_s(self.pid)
        self.load(count, domains)
        while (wanted := self.arrived(living) - seen) < want and time.time() - began < 300:
            time.sleep(0.1)
        if wanted < want:
            sys.exit(f"{want - wanted} of {want} messages did not arrive")
        took = self.last_arrival() - began
        time.sleep(1)
        self.runs.append({"per_s": want / took, "cpu_ms": (cpu_s(self.pid) - cpu) / count * 1000})

    def lines(self):
        log = self.sink.messages_log
        return log.read_text().splitlines() if log.exists() else []

    def arrived(self, living):
        """Only the mail of this gateway: each has a sink."""
        hosts = {f"127.0.1.{n}" for n in range(1, living + 1)}
        return sum(line.split(" ")[2] in hosts for line in self.lines())

    def last_arrival(self):
        return int(self.lines()[-1].split(" ")[0]) / 1e9


def person(n, domains):
    return f"u{n:010}@d{n % domains + 1:02}.test"


def tell(what, names, sides):
    """Medians of both, and of the ratios of the pairs."""
    out = {}
    for key in ("per_s", "cpu_ms"):
        first, second = ([r[key] for r in s.runs] for s in sides)
        ratios = [b / a for a, b in zip(first, second)]
        out[key] = {names[0]: statistics.median(first), names[1]: statistics.median(second), "ratio": statistics.median(ratios),
                    "ratio_min": min(ratios), "ratio_max": max(ratios)}
        print(f"{what}: {key} {names[0]} {out[key][names[0]]:.3f}, {names[1]} {out[key][names[1]]:.3f}, ratio {out[key]['ratio']:.3f} "
              f"({min(ratios):.3f} to {max(ratios):.3f})", flush=True)
    return out


def in_turns(a, sides, domains, living):
    for s in sides:
        s.run(500, domains, living)  # warm
        s.runs.clear()
    for i in range(a.pairs):
        for s in (sides if i % 2 == 0 else reversed(sides)):
            s.run(a.count, domains, living)
        print(f"  pair {i + 1}: " + ", ".join(f"{s.runs[-1]['per_s']:.0f}/s {s.runs[-1]['cpu_ms']:.3f} ms" for s in sides), flush=True)


def hosts(a, support, neighbours, home):
    people = [person(n, DOMAINS) for n in range(500 + a.count * a.pairs)]
    with contextlib.ExitStack() as stack:
        dead = stack.enter_context(DeadHost())
        slow = stack.enter_context(neighbours.MailSink(home, ["--reply-delay-ms", "2000"], save=False, name="slow"))
        sides = []
        for name, others in (("well", {}), ("troubled", {DOMAINS - 1: dead.address, DOMAINS: ("127.0.0.1", slow.port)})):
            folder = home / name
            folder.mkdir()
            sink = stack.enter_context(neighbours.MailSink(folder, ["--addresses", str(DOMAINS)], save=False))
            g = stack.enter_context(support.Gateway(folder, settings(routes(sink, others))))
            g.add_tenant()
            g.import_consents(people)
            sides.append(Side(a, support, g, sink, DOMAINS))
        in_turns(a, sides, DOMAINS, DOMAINS - 2)
        return tell("hosts", ("well", "troubled"), sides)


def depth(a, support, neighbours, home):
    people = [person(n, LIVE_DOMAINS) for n in range(30_000, 30_500 + a.count * a.pairs)]
    pool = 200
    crowd = [f"u{n:010}.{w}@d{w % DEEP_DOMAINS + 1:02}.test" for n in range(pool) for w in range(DEEP_DOMAINS)]
    with contextlib.ExitStack() as stack, socket.socket() as refusing:
        refusing.bind(("127.0.0.1", 0))  # bound, not listening: connections are refused
        sides, queued = [], {}
        for queue in (1_000, a.thousands * 1000):
            folder = home / f"q{queue}"
            folder.mkdir()
            sink = stack.enter_context(neighbours.MailSink(folder, ["--addresses", str(LIVE_DOMAINS)], save=False))
            ways = routes(sink, domains=LIVE_DOMAINS) + [{"domain": "*", "host": "127.0.0.1", "port": refusing.getsockname()[1]}]
            g = stack.enter_context(support.Gateway(folder, settings(ways)))
            g.add_tenant()
            g.add_credential("acme", "fan", campaign="autumn")
            g.import_consents(people + crowd)
            side = Side(a, support, g, sink, LIVE_DOMAINS)
            messages = -(-queue // (DEEP_DOMAINS - LIVE_DOMAINS))
            began = time.monotonic()
            for start in range(0, messages, 2_000):
                side.load(min(2_000, messages - start), DEEP_DOMAINS, DEEP_DOMAINS, "fan", ("--pool", pool))
            arrived = messages * LIVE_DOMAINS
            support.wait_for(lambda: len(side.lines()) >= arrived, "the living part of the backlog")
            side.first = 30_000
            queued[str(queue)] = g.json("stats")["queue"]["queued"]
            sides.append(side)
            print(f"depth: {queued[str(queue)]} queued in {time.monotonic() - began:.0f} s, RssAnon {memory_mib(side.pid, 'RssAnon'):.0f} MiB", flush=True)
        in_turns(a, sides, LIVE_DOMAINS, LIVE_DOMAINS)
        return {"queued": queued} | tell("depth", tuple(queued), sides)


def main(words):
    p = argparse.ArgumentParser(prog="bench delivery", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("what", choices=["hosts", "depth"])
    p.add_argument("--pairs", type=int, default=7)
    p.add_argument("--count", type=int, default=5000, help="messages of a run (default 5000)")
    p.add_argument("--bytes", type=int, default=10240, help="of each message (default 10240)")
    p.add_argument("--thousands", type=int, default=1000, help="queued on the deep side of depth (default 1000)")
    p.add_argument("--folder", default=None, help="where the stores lie while they are measured")
    p.add_argument("--build", default="build/release")
    p.add_argument("--out", type=pathlib.Path, default=ROOT / "bench/results")
    a = p.parse_args(words)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    os.environ["CONSENTRY_BUILD"] = str(build_programs(a.build, "consentryd", "consentry", "load_source", "mail_sink"))
    import neighbours
    import support
    support.PATIENCE_S = 600
    with tempfile.TemporaryDirectory(prefix="delivery-", dir=a.folder) as folder:
        result = {"hosts": hosts, "depth": depth}[a.what](a, support, neighbours, pathlib.Path(folder))
    write_result(a.out, f"delivery-{a.what}", {k: str(v) for k, v in vars(a).items() if k not in ("out", "build", "folder")}, machine(), [result])

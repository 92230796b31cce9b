"""Relaying with TLS on both sides, beside Postfix with OpenDKIM: `scripts/bench tls`.

  bench tls                      in turns, STARTTLS from the source and to the sink, 20 connections, one recipient a message
  bench tls --harness FOLDER     where bench.py and the scripts of the peers lie (else $CONSENTRY_PEERS, else ../shared/peers)

Both are set up by their scripts of the harness (bench/peers/consentry.sh is ours) and then told to use TLS: a self-signed certificate with an
EC key, the sink's alike; both keep sessions and resume them. CPU is that of all processes of a contender.
"""
import argparse
import contextlib
import json
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import neighbours
import support
from bench_report import ROOT, build_programs, machine, write_result
from peers_measures import OURS, rsa_ms

SIGNED = "From:To:Subject:Date:Message-ID:MIME-Version:Content-Type:List-Unsubscribe:List-Unsubscribe-Post"
POSTFIX_TLS = """
smtpd_tls_security_level = may
smtpd_tls_cert_file = {certificate}
smtpd_tls_key_file = {key}
smtpd_tls_session_cache_database = btree:$data_directory/smtpd_scache
smtp_tls_security_level = encrypt
smtp_tls_session_cache_database = btree:$data_directory/smtp_scache
"""


class Peer:
    """A contender by the harness's contract: a script with the verbs setup, start, stop, told everything else in PB_* variables."""

    def __init__(self, script, variant, home):
        self.script, self.variant = script, variant
        self.state = home / "peer"
        root = next(line.split()[1] for line in open("/proc/mounts") if line.split()[2] == "cgroup2")
        self.group = pathlib.Path(root) / f"bench-tls-{os.getpid()}"  # counts processes that have gone, too
        self.port, self.sink_port = support.free_port(), support.free_port("127.0.1.1")
        key = home / "dkim.key"
        subprocess.run(["openssl", "genrsa", "-out", str(key), "2048"], check=True, capture_output=True)
        self.env = os.environ | {"PB_STATE": str(self.state), "PB_PORT": str(self.port), "PB_SINK_PORT": str(self.sink_port), "PB_DOMAINS": "50",
                                 "PB_USER": "bench", "PB_PASS": "benchpass", "PB_KEY": str(key), "PB_SELECTOR": "bench",
                                 "PB_FROM_DOMAIN": "sender.test", "PB_SIGN_HEADERS": SIGNED, "PB_VARIANT": variant}

    def call(self, verb, inside=False):
        def enter():
            (self.group / "cgroup.procs").write_text("0")
        done = subprocess.run(["bash", self.script, verb], env=self.env, preexec_fn=enter if inside else None, stdin=subprocess.DEVNULL,
                              stdout=open(self.state.parent / f"{verb}.log", "w"), stderr=subprocess.STDOUT)
        if done.returncode:
            sys.exit(f"{self.script} {verb}: {(self.state.parent / f'{verb}.log').read_text()[-2000:]}")

    def start(self):
        self.group.mkdir(exist_ok=True)
        self.call("start", inside=True)
        support.wait_for(lambda: support.is_listening("127.0.0.1", self.port), self.script)

    def cpu_s(self):
        return int((self.group / "cpu.stat").read_text().split()[1]) / 1e6

    def stop(self):
        self.call("stop")
        support.wait_for(lambda: not (self.group / "cgroup.procs").read_text(), f"the end of {self.script}")
        self.group.rmdir()


def run(a, peer, load, home):
    certificate, key = neighbours.make_certificate(home, "relay.bench.test")
    sink = neighbours.MailSink(home, ["--addresses", "50", "--port", str(peer.sink_port), "--tls", "starttls", "--certificate", str(certificate),
                                      "--key", str(key)], save=False)
    with contextlib.ExitStack() as stack:
        stack.enter_context(sink)
        peer.call("setup")
        if peer.script != OURS:
            with open(peer.state / "etc/main.cf", "a") as f:
                f.write(POSTFIX_TLS.format(certificate=certificate, key=key))
        peer.start()
        stack.callback(peer.stop)

        def arrived():
            return sink.messages_log.read_bytes().count(b"\n") if sink.messages_log.exists() else 0

        def relay(first, count):
            done = load("--port", peer.port, "--user", "bench", "--password", "benchpass", "--connections", 20, "--no-pipelining", "--bytes", a.bytes,
                        "--domains", 50, "--tls", "starttls", "--first", first, "--count", count)
            if done["acked"] != count:
                sys.exit(f"{peer.script}: only {done['acked']} of {count} were taken: {done['last_error']}")
            began = time.time()
            while arrived() < first + count and time.time() - began < 120:
                time.sleep(0.1)
            return done
        relay(0, 500)
        began, cpu = time.time(), peer.cpu_s()
        done = relay(500, a.count)
        if arrived() != 500 + a.count:
            sys.exit(f"{peer.script}: {arrived()} of {500 + a.count} messages arrived")
        time.sleep(1)
        rows = sink.received()
        return {"peer": "Consentry" if peer.script == OURS else a.peer, "relayed_per_s": a.count / (int(rows[-1]["time_ns"]) / 1e9 - began),
                "accepted_per_s": done["per_second"], "latency_ms": done["latency_ms"], "cpu_ms": (peer.cpu_s() - cpu) / a.count * 1000,
                "signed": all(int(r["signatures"]) > 0 for r in rows), "tls": all(r["tls"] == "tls" for r in rows)}


def main(words):
    p = argparse.ArgumentParser(prog="bench tls", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--harness", type=pathlib.Path, default=pathlib.Path(os.environ.get("CONSENTRY_PEERS", ROOT.parent / "shared/peers")))
    p.add_argument("--bytes", type=int, default=10240, help="of each message (default 10240)")
    p.add_argument("--count", type=int, default=5000)
    p.add_argument("--repeats", type=int, default=3)
    p.add_argument("--peer", default="postfix:opendkim")
    p.add_argument("--build", default="build/release")
    p.add_argument("--out", type=pathlib.Path, default=ROOT / "bench/results")
    a = p.parse_args(words)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    os.environ["CONSENTRY_BUILD"] = str(build_programs(a.build, "consentryd", "consentry", "load_source", "mail_sink"))
    os.environ |= {"CONSENTRY_TLS": "starttls", "CONSENTRY_RECIPIENTS": str(500 + a.count)}
    def load(*options):
        done = subprocess.run([support.program("load_source"), *map(str, options)], capture_output=True, text=True, timeout=600)
        return json.loads(done.stdout) if done.stdout else sys.exit(done.stderr)
    name, _, variant = a.peer.partition(":")
    runs = []
    for i in range(a.repeats):
        for script, kind in ((OURS, ""), (a.harness / f"peers/{name}.sh", variant)):
            with tempfile.TemporaryDirectory(prefix="tls-") as home:
                home = pathlib.Path(home)
                home.chmod(0o755)  # Postfix is somebody else
                runs.append(r := run(a, Peer(script, kind, home), load, home))
            print(f"tls {i + 1}/{a.repeats} {r['peer']}: {r['relayed_per_s']:.0f} relayed/s, {r['accepted_per_s']:.0f} accepted/s, {r['cpu_ms']:.2f} CPU ms, "
                  f"250 after p50 {r['latency_ms']['p50']:.1f} ms, p99 {r['latency_ms']['p99']:.1f} ms, signed {r['signed']}, TLS {r['tls']}", flush=True)
    ours, theirs = ([r["relayed_per_s"] for r in runs if (r["peer"] == "Consentry") == mine] for mine in (True, False))
    times = statistics.median(ours) / statistics.median(theirs)
    print(f"tls: {times:.1f} times as fast")
    write_result(a.out, "tls", {k: str(v) for k, v in vars(a).items() if k not in ("out", "build", "harness")}, machine(),
                 [{"times": times, "rsa_ms": rsa_ms(), "runs": runs}])

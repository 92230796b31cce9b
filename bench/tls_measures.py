"""Relaying with TLS on both sides, beside Postfix with OpenDKIM: `scripts/bench tls`.

  bench tls                      in turns, STARTTLS from the source and to the sink, 20 connections, one recipient a message
  bench tls --harness FOLDER     where bench.py and the scripts of the peers lie (else $CONSENTRY_PEERS, else ../shared/peers)

Both are set up by their scripts of the harness (bench/peers/consentry.sh is ours) and then told to use TLS: a self-signed certificate with an
EC key, the sink's alike; both keep sessions and resume them. CPU is that of all processes of a contender.
"""
import argparse
import contextlib
import importlib.util
import json
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile
import time

from bench_report import ROOT, build_programs, machine, write_result
from peers_measures import OURS, rsa_ms

POSTFIX_TLS = """
smtpd_tls_security_level = may
smtpd_tls_cert_file = {certificate}
smtpd_tls_key_file = {key}
smtpd_tls_session_cache_database = btree:$data_directory/smtpd_scache
smtp_tls_security_level = encrypt
smtp_tls_session_cache_database = btree:$data_directory/smtp_scache
"""


def harness(folder):
    spec = importlib.util.spec_from_file_location("peer_harness", folder / "bench.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(a, peers, spec, neighbours, load, home):
    certificate, key = neighbours.make_certificate(home, "relay.bench.test")
    sink = neighbours.MailSink(home, ["--addresses", "50", "--port", str(peers.SINK), "--tls", "starttls", "--certificate", str(certificate),
                                      "--key", str(key)], save=False)
    peer = peers.Peer(spec)
    with contextlib.ExitStack() as stack:
        stack.enter_context(sink)
        peer.call("setup")
        if spec != str(OURS):
            with open(f"{peer.state}/etc/main.cf", "a") as f:
                f.write(POSTFIX_TLS.format(certificate=certificate, key=key))
        peer.start(setup=False)
        stack.callback(peer.stop)

        def arrived():
            return sink.messages_log.read_bytes().count(b"\n") if sink.messages_log.exists() else 0

        def relay(first, count):
            done = load("--port", peers.PORT, "--user", "bench", "--password", "benchpass", "--connections", 20, "--no-pipelining", "--bytes", a.bytes,
                        "--domains", 50, "--tls", "starttls", "--first", first, "--count", count)
            if done["acked"] != count:
                sys.exit(f"{spec}: only {done['acked']} of {count} were taken: {done['last_error']}")
            began = time.time()
            while arrived() < first + count and time.time() - began < 120:
                time.sleep(0.1)
            return done
        relay(0, 500)
        began, cpu = time.time(), peer.cpu()[0]
        done = relay(500, a.count)
        if arrived() != 500 + a.count:
            sys.exit(f"{spec}: {arrived()} of {500 + a.count} messages arrived")
        time.sleep(1)
        rows = sink.received()
        return {"peer": "Consentry" if spec == str(OURS) else spec, "relayed_per_s": a.count / (int(rows[-1]["time_ns"]) / 1e9 - began),
                "accepted_per_s": done["per_second"], "latency_ms": done["latency_ms"], "cpu_ms": (peer.cpu()[0] - cpu) / a.count * 1000,
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
    import neighbours
    import support

    def load(*options):
        done = subprocess.run([support.program("load_source"), *map(str, options)], capture_output=True, text=True, timeout=600)
        return json.loads(done.stdout) if done.stdout else sys.exit(done.stderr)
    peers, runs = harness(a.harness), []
    for i in range(a.repeats):
        for spec in (str(OURS), a.peer):
            with tempfile.TemporaryDirectory(prefix="tls-") as home:
                pathlib.Path(home).chmod(0o755)  # Postfix is somebody else
                runs.append(r := run(a, peers, spec, neighbours, load, pathlib.Path(home)))
            print(f"tls {i + 1}/{a.repeats} {r['peer']}: {r['relayed_per_s']:.0f} relayed/s, {r['accepted_per_s']:.0f} accepted/s, {r['cpu_ms']:.2f} CPU ms, "
                  f"250 after p50 {r['latency_ms']['p50']:.1f} ms, p99 {r['latency_ms']['p99']:.1f} ms, signed {r['signed']}, TLS {r['tls']}", flush=True)
    ours, theirs = ([r["relayed_per_s"] for r in runs if (r["peer"] == "Consentry") == mine] for mine in (True, False))
    times = statistics.median(ours) / statistics.median(theirs)
    print(f"tls: {times:.1f} times as fast")
    write_result(a.out, "tls", {k: str(v) for k, v in vars(a).items() if k not in ("out", "build", "harness")}, machine(),
                 [{"times": times, "rsa_ms": rsa_ms(), "runs": runs}])

"""The benchmark of reading and scanning: `scripts/bench scan`.

  bench scan                       the gateway's reader, then rspamd on the same messages, in turns
  bench scan --no-rspamd           the first alone
  bench scan --messages FOLDER     messages of your own instead of the newsletters made of the clean samples

rspamd: the Debian package with its default rules, nothing that asks the network, set up by the peers harness ($CONSENTRY_PEERS, else
../shared/peers); the CPU time is that of all its processes. Without package or harness that part is left out, and the line says so.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

from bench_report import ROOT, build_programs, machine, write_result
from scan_mail import write_messages


def free_port_pair():
    """Two ports side by side: rspamd's worker and its controller."""
    while True:
        with socket.socket() as a, socket.socket() as b:
            a.bind(("127.0.0.1", 0))
            port = a.getsockname()[1]
            try:
                b.bind(("127.0.0.1", port + 1))
                return port
            except OSError:
                continue


class Rspamd:
    def __init__(self, home):
        peers = pathlib.Path(os.environ.get("CONSENTRY_PEERS", ROOT.parent / "shared/peers"))
        self.script = peers / "peers/rspamd.sh"
        self.port = free_port_pair()
        self.home = home
        self.env = {**os.environ, "PB_RSPAMD_DIR": str(home), "PB_RSPAMD_PORT": str(self.port), "PB_RSPAMD_MODE": "http", "PB_RSPAMD_WORKERS": "2"}

    @staticmethod
    def missing():
        peers = pathlib.Path(os.environ.get("CONSENTRY_PEERS", ROOT.parent / "shared/peers"))
        if shutil.which("rspamd") is None:
            return "rspamd is not installed"
        return None if (peers / "peers/rspamd.sh").exists() else f"no {peers}/peers/rspamd.sh"

    def verb(self, name):
        subprocess.run(["bash", self.script, name], env=self.env, check=True, stdout=subprocess.DEVNULL)

    def __enter__(self):
        self.verb("setup")
        self.verb("start")
        for _ in range(300):
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                    break
            except OSError:
                time.sleep(0.1)
        self.quiet()
        return self

    def __exit__(self, *_):
        self.verb("stop")

    def processes(self):
        main = int((self.home / "run/rspamd.pid").read_text())
        children = subprocess.run(["pgrep", "-P", str(main)], capture_output=True, text=True).stdout.split()
        return [main, *map(int, children)]

    def cpu_s(self):
        total = 0
        for pid in self.processes():
            fields = open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
        return total / os.sysconf("SC_CLK_TCK")

    def memory_mib(self):
        kib = 0
        for pid in self.processes():
            kib += sum(int(line.split()[1]) for line in open(f"/proc/{pid}/smaps_rollup") if line.startswith("Pss:"))
        return kib / 1024

    def quiet(self):
        """It compiles its expressions in the background after the start."""
        for _ in range(60):
            before = self.cpu_s()
            time.sleep(1)
            if self.cpu_s() - before < 0.05:
                return

    def check(self, mail):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/checkv2", data=mail, headers={"Content-Type": "application/octet-stream"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return "score" in json.load(answer)

    def run(self, mails):
        before, begin = self.cpu_s(), time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            answered = sum(pool.map(self.check, mails))
        took = time.monotonic() - begin
        if answered != len(mails):
            raise SystemExit(f"rspamd judged {answered} of {len(mails)} messages")
        return {"cpu_s_per_1000": (self.cpu_s() - before) / len(mails) * 1000, "messages_per_s": len(mails) / took, "pss_mib": self.memory_mib()}


def ours(build, a, folder, extra=0):
    done = subprocess.run([build / "bin/scan_bench", "--patterns", ROOT / "conf/patterns", "--messages", folder, "--repeats", str(a.repeats),
                           "--extra", str(extra)], stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def median(result, key):
    return statistics.median(r[key] for r in result["runs"])


def figures(r):
    whole = median(r, "whole_s")
    proper = median(r, "search_s") - median(r, "views_s")  # the views are there: engine and phrases
    return {"whole_mb_per_s": r["octets"] / 1e6 / whole, "cpu_s_per_1000": whole / r["messages"] * 1000,
            "scan_mb_per_s_of_messages": r["octets"] / 1e6 / proper, "scan_mb_per_s_of_text": r["text_octets"] / 1e6 / proper,
            "ms_per_message": {k[:-2]: median(r, k) / r["messages"] * 1000 for k in r["runs"][0]}}


def main(words):
    p = argparse.ArgumentParser(prog="bench scan", description=__doc__.split("\n")[0])
    p.add_argument("--count", type=int, default=300, help="messages made (default 300)")
    p.add_argument("--messages", type=pathlib.Path)
    p.add_argument("--repeats", type=int, default=5)
    p.add_argument("--extra", type=int, default=2000, help="invented patterns beside the shipped (default 2000)")
    p.add_argument("--no-rspamd", action="store_true")
    p.add_argument("--build", default="build/release")
    p.add_argument("--out", type=pathlib.Path, default=ROOT / "bench/results")
    a = p.parse_args(words)
    build = build_programs(a.build, "scan_bench")
    result = {}
    with tempfile.TemporaryDirectory(prefix="consentry-scan-") as home:
        folder = a.messages or pathlib.Path(home) / "mails"
        if a.messages is None:
            write_messages(ROOT / "conf/samples", folder, a.count)
        mails = [f.read_bytes() for f in sorted(folder.iterdir())]
        shipped = ours(build, a, folder)
        result["shipped"] = {**shipped, **figures(shipped)}
        more = ours(build, a, folder, a.extra)
        result["more"] = {**more, **figures(more)}
        f, g = result["shipped"], result["more"]
        parts = ", ".join(f"{k} {v:.3f}" for k, v in f["ms_per_message"].items())
        print(f"scan: {shipped['messages']} messages of {shipped['octets'] / shipped['messages'] / 1000:.0f} KB in the mean, {shipped['text_octets'] / shipped['octets']:.0%} "
              f"of it text: {f['whole_mb_per_s']:.0f} MB/s whole, {f['cpu_s_per_1000']:.2f} CPU s per 1000; the scan proper {f['scan_mb_per_s_of_messages']:.0f} MB/s of "
              f"messages, {f['scan_mb_per_s_of_text']:.0f} MB/s of their text (ms per message: {parts})", flush=True)
        print(f"scan: {shipped['patterns']} patterns compile in {shipped['compile_s']:.2f} s, from the cache in {1000 * shipped['cached_s']:.0f} ms, {shipped['database_kib'] / 1024:.1f} MiB; with {a.extra} more: {g['whole_mb_per_s']:.0f} MB/s "
              f"({1 - g['whole_mb_per_s'] / f['whole_mb_per_s']:.0%} slower), compile {more['compile_s']:.2f} s", flush=True)
        missing = "not wanted" if a.no_rspamd else Rspamd.missing()
        if missing:
            print(f"scan: beside rspamd: left out, {missing}")
        else:
            turns = []
            with Rspamd(pathlib.Path(home) / "rspamd") as rspamd:
                rspamd.run(mails)  # caches warm
                for _ in range(3):
                    turns.append({"rspamd": rspamd.run(mails), "consentry": figures(ours(build, argparse.Namespace(repeats=1), folder))["cpu_s_per_1000"]})
            theirs = statistics.median(t["rspamd"]["cpu_s_per_1000"] for t in turns)
            own = statistics.median(t["consentry"] for t in turns)
            result["turns"] = turns
            print(f"scan: rspamd takes {theirs:.2f} CPU s per 1000 of the same messages (PSS {turns[0]['rspamd']['pss_mib']:.0f} MiB), "
                  f"consentry {own:.2f}: {theirs / own:.1f} times less", flush=True)
    write_result(a.out, "scan", {"count": a.count, "repeats": a.repeats, "extra": a.extra}, machine(), result)

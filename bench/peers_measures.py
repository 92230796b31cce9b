"""The gateway beside what else a user could pick: `scripts/bench peers`.

  bench peers                        everything at the default counts (about 40 minutes on 2 cores)
  bench peers --count 3000 --repeats 1 --peers postfix:opendkim
  bench peers --harness FOLDER       a harness of the contract below (else $CONSENTRY_PEERS, else ../shared/peers)

FOLDER holds bench.py, which runs `run` and `fanout` over peers: scripts with the verbs setup, start, stop, prestart_after_crash and info, told
everything else in PB_* variables. bench/peers/consentry.sh is ours. One peer runs at a time; with --repeats they take turns. The same load
source, sink, machine and minute for all; each peer queues durably as by its default.

Writes bench/results/peers-*.json (every run) and *.md (medians and spread, the machine, the versions, and by how much each peer is passed).
"""
import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

from bench_report import ROOT, build_programs, machine, write_result

OURS = ROOT / "bench/peers/consentry.sh"


def arguments(args):
    p = argparse.ArgumentParser(prog="bench peers", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--harness", type=pathlib.Path, default=pathlib.Path(os.environ.get("CONSENTRY_PEERS", ROOT.parent / "shared/peers")))
    p.add_argument("--peers", default="postfix:opendkim,postfix:rspamd,haraka:2,exim:dkim", help="beside ours, by commas")
    p.add_argument("--sizes", default="10240,51200")
    p.add_argument("--count", type=int, default=10000, help="messages of a run (default 10000)")
    p.add_argument("--count-large", type=int, default=5000, help="the same from 30000 bytes on (default 5000)")
    p.add_argument("--repeats", type=int, default=3)
    p.add_argument("--fanout-repeats", type=int, default=5, help="0: without the fan-out")
    p.add_argument("--wait-idle", type=float, default=120, help="before each run wait so many seconds for an idle machine")
    p.add_argument("--max-other", type=float, default=0.35, help="repeat a run in which others used more than so many cores; 0: never")
    p.add_argument("--build", default="build/release", help="folder of our build (default build/release, which is brought up to date)")
    p.add_argument("--out", type=pathlib.Path, default=ROOT / "bench/results")
    return p.parse_args(args)


def rsa_ms():
    """What one RSA-2048 signature costs a core now, in CPU milliseconds: the measure of the CPU per message."""
    out = subprocess.run(["openssl", "speed", "-seconds", "3", "rsa2048"], capture_output=True, text=True, check=True).stdout
    return 1000 / float(re.search(r"rsa 2048 bits\s+\S+\s+\S+\s+(\S+)", out).group(1))


def shown(values, digits):
    middle = f"{statistics.median(values):.{digits}f}"
    return middle if len(values) == 1 else f"{middle} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def name_of(peer):
    return "Consentry" if peer == str(OURS) else peer


def grouped(rows, kind, key):
    out = {}
    for r in rows:
        if r["kind"] == kind:
            out.setdefault(key(r), []).append(r)
    return out


def run_table(rows, rsa):
    """One line a size and peer; `times` says how many times as fast ours relays."""
    groups = grouped(rows, "run", lambda r: (r["size"], r["peer"]))
    lines = ["| size | peer | runs | relayed/s | ours is | accepted/s | CPU s per 1000 | in signatures | 250 after p50, p99 ms | PSS MiB | signed | lost, twice |",
             "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"]
    def middle(runs, what):
        return statistics.median(r[what] for r in runs)
    for (size, peer), runs in sorted(groups.items(), key=lambda g: (g[0][0], -middle(g[1], "e2e_rate"))):
        mine = groups.get((size, str(OURS)))
        times = f"{middle(mine, 'e2e_rate') / middle(runs, 'e2e_rate'):.1f} x" if mine and runs is not mine else ""
        late = [f"{statistics.median(r['lat_ms'][p] for r in runs):.1f}" for p in ("p50", "p99")]
        lines.append(f"| {size // 1024} KB | {name_of(peer)} | {len(runs)} | {shown([r['e2e_rate'] for r in runs], 0)} | {times} | "
                     f"{shown([r['accept_rate'] for r in runs], 0)} | {shown([r['cpu_per_1000'] for r in runs], 2)} | "
                     f"{middle(runs, 'cpu_per_1000') / rsa:.1f} | {', '.join(late)} | {middle(runs, 'pss_mib'):.0f} | {min(r['dkim_share'] for r in runs):.0%} | "
                     f"{sum(r['acked'] - r['delivered'] for r in runs)}, {sum(r['dup'] for r in runs)} |")
    return lines


def fanout_table(rows):
    lines = ["| peer | runs | all at the sink after s | accepted after s | CPU s | transactions | delivered |", "| --- | --- | --- | --- | --- | --- | --- |"]
    for peer, runs in grouped(rows, "fanout", lambda r: r["peer"]).items():
        lines.append(f"| {name_of(peer)} | {len(runs)} | {shown([r['e2e_s'] for r in runs], 2)} | {shown([r['accept_s'] for r in runs], 2)} | "
                     f"{shown([r['cpu'] for r in runs], 2)} | {statistics.median(r['transactions'] for r in runs):.0f} | {min(r['delivered'] for r in runs)} |")
    return lines


def report(rows, now, rsa):
    lines = ["# Consentry beside its peers", "",
             f"{now['cpu']}, {now['cores']} cores, kernel {now['kernel']}; commit {now['commit']}{' with changes' if now['changed'] else ''}, {now['at'][:16].replace('T', ' ')} UTC. "
             f"Source and sink share the cores. One RSA-2048 signature: {rsa:.3f} ms. Medians (least to most).", ""]
    lines += [f"* {name_of(r['peer'])}: {r['info']}" for r in rows if r["kind"] == "info"]
    lines += ["", *run_table(rows, rsa)]
    if any(r["kind"] == "fanout" for r in rows):
        lines += ["", "One message to 1,000 recipients over 50 domains:", "", *fanout_table(rows)]
    disturbed = sum(r["kind"] == "disturbed" for r in rows)
    busiest = max((r["other_cpu"] / r["wall_s"] for r in rows if r["kind"] == "run"), default=0)
    lines += ["", f"Others used {busiest:.2f} cores in the worst run that counts; {disturbed} disturbed runs were repeated."]
    lines += [f"* failed: {name_of(r['peer'])} at {r['size']}: {r['error'].splitlines()[-1][:200]}" for r in rows if r["kind"] == "failed"]
    return "\n".join(lines) + "\n"


def main(args):
    a = arguments(args)
    harness = a.harness.resolve() / "bench.py"
    if not harness.exists():
        sys.exit(f"no {harness}: give --harness FOLDER")
    build = build_programs(a.build, "consentryd", "consentry")
    numbers = 500 + max(a.count, a.count_large)  # warm-up and messages: so many recipients have consents
    env = {**os.environ, "CONSENTRY_BUILD": str(build), "CONSENTRY_RECIPIENTS": str(numbers), "PYTHONDONTWRITEBYTECODE": "1"}
    peers = f"{OURS},{a.peers}" if a.peers else str(OURS)
    rsa, now = rsa_ms(), machine()
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as out:
        def bench(*words):
            subprocess.run([sys.executable, harness, *map(str, words), "--peers", peers, "--out", out.name], env=env, check=True)
        bench("run", "--no-pipelining", "--sizes", a.sizes, "--count", a.count, "--count-large", a.count_large, "--repeats", a.repeats,
              "--wait-idle", a.wait_idle, "--max-other", a.max_other)
        if a.fanout_repeats:
            bench("fanout", "--repeats", a.fanout_repeats)
        rows = [json.loads(line) for line in open(out.name)]
    options = {k: v for k, v in vars(a).items() if k not in ("out", "build", "harness")}
    told = [r | {"peer": str(OURS.relative_to(ROOT))} if r.get("peer") == str(OURS) else r for r in rows]  # no folder of this machine
    written = write_result(a.out, "peers", {**options, "rsa2048_sign_ms": rsa}, now, told)
    text = report(rows, now, rsa)
    written.with_suffix(".md").write_text(text)
    print(text)

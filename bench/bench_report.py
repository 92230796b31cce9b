"""What every benchmark says beside its figures, and where it says it."""
import datetime
import json
import os
import pathlib
import platform
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[1]


def machine():
    model = next((l.split(":")[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), "?")
    def git(*a):
        return subprocess.run(["git", "-C", str(ROOT), *a], capture_output=True, text=True).stdout.strip()
    return {"cpu": model, "cores": os.cpu_count(), "kernel": platform.release(), "commit": git("rev-parse", "--short", "HEAD"),
            "changed": bool(git("status", "--porcelain", "--untracked-files=no")), "load": round(os.getloadavg()[0], 1),
            "at": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")}


def build_programs(build, *programs):
    """Brings the release build up to date; another build is taken as it is. Gives its folder."""
    build = (ROOT / build).resolve()
    if build == ROOT / "build/release":
        subprocess.run(["cmake", "--preset", "release"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["ninja", "-C", build, "--quiet", *programs], check=True)
    return build


def write_result(out, what, options, now, runs):
    out.mkdir(parents=True, exist_ok=True)
    file = out / f"{what}-{now['at'][:19].replace(':', '')}.json"
    file.write_text(json.dumps({"what": what, "options": options, "machine": now, "runs": runs}, indent=2) + "\n")
    print(f"written: {os.path.relpath(file)}")
    return file

"""The forgetful disk itself: small programs run on it, are killed, and what is left is looked at."""
import os
import signal
import subprocess
import textwrap

import pytest

import support


class Disk:
    """A watched folder, its shadow and its switches."""

    def __init__(self, folder):
        self.data, self.shadow, self.faults = (folder / n for n in ("data", "shadow", "faults"))
        for f in (self.data, self.shadow, self.faults):
            f.mkdir()

    def put(self, name, text):
        """What was there, and durable, before the program started."""
        for f in (self.data, self.shadow):
            (f / name).parent.mkdir(exist_ok=True)
            (f / name).write_text(text)

    def run(self, program):
        """Runs Python statements on the disk, with the watched folder as `d`; they end by SIGKILL."""
        lines = ["import os", f"d = {str(self.data)!r}", "def fd(n, f=os.O_RDWR | os.O_CREAT): return os.open(d + '/' + n, f, 0o600)",
                 "def sync_folder(n=''): os.fsync(os.open(d + '/' + n, os.O_RDONLY))",
                 textwrap.dedent(program), "os.kill(os.getpid(), 9)"]
        env = dict(os.environ, LD_PRELOAD=str(support.forgetful()), CONSENTRY_SHIM_DATA=str(self.data),
                   CONSENTRY_SHIM_SHADOW=str(self.shadow), CONSENTRY_SHIM_FAULTS=str(self.faults))
        done = subprocess.run(["/usr/bin/python3", "-c", "\n".join(lines)], env=env, capture_output=True, text=True, timeout=60)
        assert done.returncode == -signal.SIGKILL, done.stderr
        return done.stdout

    def left(self):
        """File name -> contents after the power cut; a folder ends in /."""
        found = {}
        for p in sorted(self.shadow.rglob("*")):
            name = str(p.relative_to(self.shadow))
            if not name.startswith(".inodes"):
                found[name + ("/" if p.is_dir() else "")] = None if p.is_dir() else p.read_text()
        return found


@pytest.fixture
def disk(tmp_path):
    return Disk(tmp_path)


CASES = {
    "a write that was not synced is forgotten": ("""
        f = fd('a'); os.pwrite(f, b'NEW', 0)
        """, {"a": "old contents"}),
    "fdatasync keeps it": ("""
        f = fd('a'); os.pwrite(f, b'NEW', 0); os.fdatasync(f); os.pwrite(f, b'LOST', 4)
        """, {"a": "NEW contents"}),
    "a vectored write too": ("""
        f = fd('a'); os.pwritev(f, [b'N', b'EW'], 0); os.fsync(f)
        """, {"a": "NEW contents"}),
    "a second descriptor's sync serves the file": ("""
        f = fd('a'); os.write(f, b'NEW'); os.fsync(fd('a'))
        """, {"a": "NEW contents"}),
    "appending": ("""
        f = fd('a', os.O_WRONLY | os.O_APPEND); os.write(f, b'+1'); os.fdatasync(f); os.write(f, b'+2')
        """, {"a": "old contents+1"}),
    "O_DSYNC keeps its own bytes and nothing else": ("""
        f = fd('a'); g = fd('a', os.O_RDWR | os.O_DSYNC)
        os.pwrite(f, b'L', 0); os.pwrite(g, b'C', 4)
        """, {"a": "old Contents"}),
    "a new file without its folder's sync is gone": ("""
        f = fd('b'); os.write(f, b'x'); os.fsync(f)
        """, {"a": "old contents"}),
    "a new file with its folder's sync": ("""
        f = fd('b'); os.write(f, b'x'); os.fsync(f); sync_folder(); os.write(f, b'y')
        """, {"a": "old contents", "b": "x"}),
    "a name without contents": ("""
        f = fd('b'); os.write(f, b'x'); sync_folder()
        """, {"a": "old contents", "b": ""}),
    "a removal that was not synced comes back": ("""
        os.unlink(d + '/a')
        """, {"a": "old contents"}),
    "a removal": ("""
        os.unlink(d + '/a'); sync_folder()
        """, {}),
    "a rename that was not synced": ("""
        f = fd('b'); os.write(f, b'new'); os.fsync(f); os.rename(d + '/b', d + '/a')
        """, {"a": "old contents"}),
    "a rename": ("""
        f = fd('b'); os.write(f, b'new'); os.fsync(f); os.rename(d + '/b', d + '/a'); sync_folder()
        """, {"a": "new"}),
    "a name that was used before": ("""
        os.unlink(d + '/a'); f = fd('a'); os.write(f, b'second'); os.fsync(f); sync_folder()
        """, {"a": "second"}),
    "truncation waits for the sync": ("""
        f = fd('a'); os.ftruncate(f, 3)
        """, {"a": "old contents"}),
    "truncation": ("""
        f = fd('a'); os.ftruncate(f, 3); os.fsync(f)
        """, {"a": "old"}),
    "opened with O_TRUNC": ("""
        f = fd('a', os.O_RDWR | os.O_TRUNC); os.write(f, b'n'); os.fsync(f)
        """, {"a": "n"}),
    "allocated space is part of a synced file": ("""
        f = fd('a'); os.posix_fallocate(f, 0, 14); os.fsync(f)
        """, {"a": "old contents\0\0"}),
    "a folder whose name is not durable keeps nothing": ("""
        os.mkdir(d + '/s'); f = fd('s/b'); os.write(f, b'x'); os.fsync(f); sync_folder('s')
        """, {"a": "old contents"}),
    "a folder": ("""
        os.mkdir(d + '/s'); sync_folder(); f = fd('s/b'); os.write(f, b'x'); os.fsync(f); sync_folder('s')
        """, {"a": "old contents", "s/": None, "s/b": "x"}),
}


@pytest.mark.parametrize("what", CASES)
def test_forgets(disk, what):
    program, left = CASES[what]
    disk.put("a", "old contents")
    disk.run(program)
    assert disk.left() == left


def test_large_file_keeps_exactly_what_was_synced(disk):
    disk.put("a", "." * 1_000_000)
    disk.run("""
        f = fd('a')
        for at in range(0, 1000000, 5000): os.pwrite(f, b'kept', at)
        os.fdatasync(f)
        for at in range(0, 1000000, 7000): os.pwrite(f, b'LOST', at + 100)
        """)
    want = bytearray(b"." * 1_000_000)
    for at in range(0, 1_000_000, 5000):
        want[at:at + 4] = b"kept"
    assert disk.left()["a"] == want.decode()


def test_switches(disk):
    disk.put("a", "old contents")
    said = disk.run("""
        import errno
        def attempt(f, *a):
            try: f(*a); print('ok', flush=True)
            except OSError as e: print(errno.errorcode[e.errno], flush=True)
        def switch(name, on=True):
            p = os.environ['CONSENTRY_SHIM_FAULTS'] + '/' + name
            open(p, 'w').close() if on else os.unlink(p)
        f = fd('a'); g = fd('a', os.O_RDWR | os.O_DSYNC)
        os.pwrite(f, b'NEW', 0)
        switch('fail-sync')
        attempt(os.fdatasync, f); attempt(os.fsync, f); attempt(os.pwrite, g, b'x', 5); attempt(sync_folder)
        switch('fail-sync', False); switch('full')
        attempt(os.pwrite, f, b'in place', 0); attempt(os.pwrite, f, b'longer', 10); attempt(os.posix_fallocate, f, 0, 99)
        switch('low'); print(os.statvfs(d).f_bavail); switch('low', False); print(os.statvfs(d).f_bavail > 0)
        """)
    assert said.split() == "EIO EIO EIO EIO ok ENOSPC ENOSPC 0 True".split()
    assert disk.left() == {"a": "old contents"}

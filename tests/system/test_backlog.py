"""A long queue costs disk, not memory and not start-up time."""
import time

import pytest

import support

SMALL, LARGE = 500, 8000


def rss_mib(pid):
    return next(int(l.split()[1]) / 1024 for l in open(f"/proc/{pid}/status") if l.startswith("VmRSS"))


@pytest.mark.skipif(support.is_sanitized(), reason="a sanitizer's memory says nothing")
def test_memory_and_start_do_not_grow_with_the_queue(home):
    port = support.free_port()
    settings = {
        "listener": [{"address": f"127.0.0.1:{port}", "role": "submission", "tls": "none"}],
        "smtp": {"auth_without_tls": True}, "tls": {"self_signed": False}, "log": {"level": "warn"},
        "route": [{"domain": "*", "host": "127.0.0.1", "port": support.free_port()}],  # nobody there
        "delivery": {"retry_first_s": 3600, "retry_max_s": 3600}, "dns": {"forward": ["127.0.0.1@9"], "timeout_s": 1},
    }
    with support.Gateway(home, settings) as g:
        g.add_tenant()
        g.import_consents([f"u{i:010}@d{i % 50 + 1:02}.test" for i in range(100)])

        def fill(first, upto):
            done = support.load(g, "--user", "acme", "--password", g.PASSWORD, "--count", upto - first, "--first", first, "--pool", 100,
                                "--bytes", 4000)
            assert done["acked"] == upto - first, done

        def restarted():
            g.stop()
            began = time.monotonic()
            g.start()
            took = time.monotonic() - began
            assert g.json("stats")["queue"]["queued"] > 0
            return rss_mib(g.process.pid), took

        fill(0, SMALL)
        small_mib, small_s = restarted()
        fill(SMALL, LARGE)
        large_mib, large_s = restarted()
        assert g.json("stats")["queue"]["queued"] == LARGE
        assert large_mib < small_mib + 24, f"{small_mib:.0f} MiB with {SMALL} queued, {large_mib:.0f} MiB with {LARGE}"
        assert large_s < small_s + 1, f"{small_s:.2f} s with {SMALL} queued, {large_s:.2f} s with {LARGE}"

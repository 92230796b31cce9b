"""Rights of persons on the running daemon: report, correction, erasure down to the raw files, and the way back from a snapshot."""
import signal
import subprocess

import support

ADDRESS = "jane.doe.kovacs@waits.test"
NAME = "Jane Doe-Kovacs"


def gateway_of(home, store=None):
    """Nobody answers for waits.test: mail to it stays in the queue."""
    return support.Gateway(home, {"route": [{"domain": "*", "host": "127.0.0.1", "port": support.free_port()}],
                                  "delivery": {"retry_first_s": 300, "retry_max_s": 600},
                                  "dns": {"forward": ["127.0.0.1@9"], "timeout_s": 1}}, store=store)


def files_with(store, words):
    return sorted(str(p.relative_to(store)) for p in store.rglob("*")
                  if p.is_file() and words.encode() in p.read_bytes())


def test_erased_from_the_raw_files():
    with support.folder() as home, gateway_of(home) as gateway:
        gateway.add_tenant()
        gateway.import_consents([{"email": ADDRESS, "name": NAME}, "bob@waits.test"])
        with gateway.login() as client:
            # Some senders write their readers into the Message-ID: the journal, which forgets nothing, must not hear of it.
            told = f"Message-ID: <9.{ADDRESS}.9@crm.test>\r\nX-Test-Id".encode()
            client.sendmail("news@sender.test", [ADDRESS], support.letter(f'"{NAME}" <{ADDRESS}>').replace(b"X-Test-Id", told))
            client.sendmail("news@sender.test", ["bob@waits.test"], support.letter("bob@waits.test"))
        report = gateway.json("person", "report", "acme", ADDRESS)
        assert report["person"]["address"] == ADDRESS and report["person"]["name"] == NAME
        assert report["consents"][0]["topic"] == "news"
        assert [m["outcome"] for m in report["mails"]] == ["queued"]
        for words in (ADDRESS, NAME, "jane.doe.kovacs"):
            found = files_with(gateway.store, words)
            assert "data.mdb" in found and any(f.startswith("spool/") for f in found), found
        done = gateway.json("person", "erase", "acme", ADDRESS, "--reason", "letter of May 3")
        assert done["consents"] == 1 and done["cancelled"] == 1
        assert gateway.json("stats")["maintenance"]["pending_erasures"] == 1
        out = gateway.json("store", "compact")
        assert out["pending_erasures"] == 0 and out["last"]["done"]
        assert out["last"]["database"]["longest_writer_pause_ms"] >= 0
        for words in (ADDRESS, NAME, "jane.doe.kovacs"):
            assert files_with(gateway.store, words) == []
        # Whoever waits besides still does, and the older consent does not come back.
        bob = gateway.json("person", "report", "acme", "bob@waits.test")
        assert [m["outcome"] for m in bob["mails"]] == ["queued"]
        gateway.import_consents([{"email": ADDRESS, "name": NAME}])
        after = gateway.json("person", "report", "acme", ADDRESS)
        assert "address" not in after["person"] and after["erased"]["gone_at"]
        with gateway.login() as client:
            refused = support.smtplib.SMTPRecipientsRefused
            try:
                client.sendmail("news@sender.test", [ADDRESS], support.letter(ADDRESS))
                raise AssertionError("an erased person was written to")
            except refused as e:
                assert b"consent.withdrawn" in e.recipients[ADDRESS][1]
        gateway.cli("journal", "verify")


def test_wrong_requests_say_why():
    with support.folder() as home, gateway_of(home) as gateway:
        gateway.add_tenant()
        gateway.cli("person", "erase", "acme", "no address", "--reason", "x", code=1)
        gateway.cli("person", "erase", "acme", ADDRESS, "--reason", f"{ADDRESS} asked", code=1)
        gateway.cli("person", "erase", "nobody", ADDRESS, "--reason", "x", code=1)
        gateway.cli("person", "correct", "acme", ADDRESS, "--name", "X", "--reason", "x", code=1)
        assert gateway.json("person", "erase", "--all-tenants", ADDRESS, "--reason", "x") == {"tenants": []}
        gateway.cli("store", "snapshot", gateway.store, code=1)


def test_corrected_address():
    with support.folder() as home, gateway_of(home) as gateway:
        gateway.add_tenant()
        gateway.import_consents([{"email": ADDRESS, "name": NAME}])
        done = gateway.json("person", "correct", "acme", ADDRESS, "--new-address", "jane@new.test", "--move-consents",
                            "--reason", "misspelt")
        assert done["consents_moved"] == 1
        assert gateway.json("person", "report", "acme", "jane@new.test")["person"]["name"] == NAME
        assert gateway.json("person", "report", "acme", ADDRESS)["consents"][0]["withdrawn_method"] == "corrected"


def test_back_from_a_snapshot():
    """The copy sends nothing until the journal was replayed, and then knows who was erased and who withdrew."""
    with support.folder() as home:
        journal = home / "journal.ndjson"
        (home / "one").mkdir(), (home / "two").mkdir()
        with gateway_of(home / "one") as gateway:
            gateway.add_tenant()
            gateway.import_consents([{"email": ADDRESS, "name": NAME}, "bob@waits.test"])
            with gateway.login() as client:
                client.sendmail("news@sender.test", [ADDRESS], support.letter(ADDRESS))
            taken = gateway.json("store", "snapshot", home / "copy")
            assert taken["segments"] >= 1
            follower = subprocess.Popen([support.program("consentry"), "--socket", str(gateway.socket), "journal", "export",
                                         "--follow", "-o", str(journal)])
            try:
                gateway.cli("person", "erase", "acme", ADDRESS, "--reason", "letter")
                gateway.cli("consent", "withdraw", "acme", "bob@waits.test")
                last = gateway.json("stats")["journal"]["last"]
                support.wait_for(lambda: journal.exists() and f'"seq":{last},' in journal.read_text(), "the export to catch up")
            finally:
                follower.send_signal(signal.SIGKILL)
                follower.wait()
            # Goes on where the file ends.
            gateway.cli("journal", "export", "-o", journal)
        with gateway_of(home / "two", store=home / "copy") as restored:
            assert restored.json("stats")["sending"] is False
            assert restored.json("person", "report", "acme", ADDRESS)["person"]["address"] == ADDRESS
            restored.stop()
            restored.extra_arguments = ["--reapply", str(journal)]
            restored.start()
            assert restored.json("stats")["sending"] is True
            jane = restored.json("person", "report", "acme", ADDRESS)
            assert "address" not in jane["person"]
            assert [m["outcome"] for m in jane["mails"]] == ["cancelled"]
            bob = restored.json("person", "report", "acme", "bob@waits.test")
            assert any("withdrawn_at" in c for c in bob["consents"])
            restored.cli("journal", "verify")
            # The same again does nothing.
            def replays():
                return restored.cli("journal", "tail", "-n", "1000", "--kind", "desk_act").count("journal replayed")
            assert replays() == 1
            restored.stop()
            restored.start()
            assert replays() == 1
            restored.stop()
            journal.write_text(journal.read_text().replace('"seq":3,', '"seq":4,', 1))
            done = subprocess.run([support.program("consentryd"), "--config", str(restored.config), "--reapply", str(journal)],
                                  capture_output=True, text=True, timeout=support.PATIENCE_S)
            assert done.returncode == 3 and "entry 3 is missing" in done.stderr

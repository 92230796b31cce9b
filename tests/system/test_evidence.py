"""What proves a consent: blobs, notice texts, and a person's history."""
import hashlib
import json

import support


def add_file(gateway, home, name, content, *words):
    file = home / name
    file.write_bytes(content)
    return gateway.cli(*words[:2], "acme", file, *words[2:]).strip()


def test_a_consent_and_its_proof_are_shown_together(tmp_path):
    scan, notice = b"%PDF-1.7 a signed form", "Hírlevelet kérek a kerti rózsákról.\n"
    notice_hash = "sha256:" + hashlib.sha256(notice.encode()).hexdigest()
    with support.folder() as home, support.Gateway(home) as gateway:
        gateway.add_tenant()
        reference = add_file(gateway, home, "form.pdf", scan, "evidence", "add", "--type", "application/pdf")
        assert reference == "sha256:" + hashlib.sha256(scan).hexdigest()
        assert add_file(gateway, home, "again.pdf", scan, "evidence", "add") == reference + " (stored already)"
        assert add_file(gateway, home, "notice.txt", notice.encode(), "notice", "add", "--version", "v3", "--language", "hu") == notice_hash

        gateway.import_consents(["jane@reader.test"], evidence=reference, notice_hash=notice_hash)
        shown = gateway.json("consent", "show", "acme", "jane@reader.test")
        record = shown["consents"][0]
        assert record["evidence"] == reference and record["notice_hash"] == notice_hash

        blob = gateway.json("evidence", "show", "acme", reference)
        assert blob["persons"] == [shown["person"]] and blob["type"] == "application/pdf"
        gateway.cli("evidence", "show", "acme", reference, "--out", home / "back.pdf")
        assert (home / "back.pdf").read_bytes() == scan
        text = gateway.json("notice", "show", "acme", record["notice_hash"])
        assert text["text"] == notice and text["version"] == "v3" and text["language"] == "hu"

        gateway.cli("consent", "withdraw", "acme", "jane@reader.test", "--method", "phone")
        history = gateway.json("consent", "show", "acme", "jane@reader.test")["history"]
        assert history[-1]["kind"] == "consent_withdrawn" and history[-1]["facts"]["method"] == "phone"


def test_what_is_no_proof_is_refused(tmp_path):
    with support.folder() as home, support.Gateway(home) as gateway:
        gateway.add_tenant()
        large = home / "large"
        large.write_bytes(b"x" * (256 * 1024 + 1))
        gateway.cli("evidence", "add", "acme", large, code=1)
        large.write_bytes(b"x" * 256 * 1024)
        assert gateway.cli("evidence", "add", "acme", large).startswith("sha256:")
        gateway.cli("evidence", "show", "acme", "sha256:" + "0" * 64, code=1)
        gateway.cli("evidence", "show", "acme", "../../keys", code=1)
        gateway.cli("evidence", "add", "nobody", large, code=1)
        notice = home / "notice.txt"
        notice.write_text("one text")
        gateway.cli("notice", "add", "acme", notice, "--hash", "sha256:" + "0" * 64, code=1)
        gateway.cli("notice", "add", "acme", notice, "--hash", "n1")
        notice.write_text("another text")
        gateway.cli("notice", "add", "acme", notice, "--hash", "n1", code=1)
        assert json.loads(gateway.cli("--json", "notice", "show", "acme", "n1"))["text"] == "one text"

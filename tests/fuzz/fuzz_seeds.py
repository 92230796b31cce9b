"""Seeds for the libFuzzer targets: what the repository's own tests, its patterns and, where they are, the corpora hold."""
import email
import email.policy
import os
import pathlib
import shutil
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/evasion"))
import documents  # noqa: E402
import letters  # noqa: E402
import wrappings  # noqa: E402

CORPORA = pathlib.Path(os.environ.get("CONSENTRY_CORPORA", ROOT.parent / "shared/corpora"))
SENTENCE = "Online kaszinó, 100% befizetési bónusz! Nyerj nagyot még ma. http://a.example/?q=1"
OCTETS_MAX = 64 * 1024
# fuzz_file_text.cc: the first octet chooses among so many names.
FILE_NAMES = 8

DICTIONARIES = {name: ROOT / "tests/fuzz/dictionaries" / f"{file}.dict" for name, file in
                {"mime": "mail", "header_text": "mail", "html_text": "html", "pattern_file": "patterns"}.items()}


def corpus_mails():
    index = CORPORA / "INDEX.tsv"
    if index.exists():
        for line in index.read_text(encoding="utf-8").splitlines()[1:]:
            yield (CORPORA / line.split("\t")[0]).read_bytes()


def mails():
    for _, make in wrappings.MAIL + documents.DOCUMENTS:
        yield make(SENTENCE)
    for file in sorted((ROOT / "tests/golden").glob("*/message.eml")):
        yield file.read_bytes()
    yield from corpus_mails()


def leaves(wanted):
    """Decoded contents of the leaves for which wanted(type) holds."""
    for mail in mails():
        try:
            for part in email.message_from_bytes(mail, policy=email.policy.compat32).walk():
                if not part.is_multipart() and wanted(part.get_content_type()):
                    yield part.get_payload(decode=True) or b""
        except Exception:  # some are broken on purpose
            continue


def texts():
    for _, change in letters.LETTERS:
        yield change(SENTENCE).encode("utf-8", "surrogatepass")
    yield from leaves(lambda kind: kind == "text/plain")


def headers():
    for mail in mails():
        for line in mail.split(b"\n\n")[0].split(b"\n")[:40]:
            yield line.partition(b":")[2].strip()


def numbered(contents):
    for n, content in enumerate(contents):
        yield bytes([n % FILE_NAMES]) + content


TLS_POLICIES = [
    b"version: STSv1\r\nmode: enforce\r\nmx: mx.example.hu\r\nmx: *.example.net\r\nmax_age: 604800\r\n",
    b"version: STSv1\nmode: none\nmax_age: 60\n", b"v=STSv1; id=20160831085700Z;",
    b"v=TLSRPTv1; rua=mailto:tls@example.hu,https://tls.example.hu/v1", b"https://web.example.hu:444/path", b"\x03\x01\x01" + bytes(32),
]


def halves():
    for mail in mails():
        head, _, body = mail.replace(b"\r\n", b"\n").partition(b"\n\n")
        yield head + b"\0" + body


SEEDS = {
    "dkim_canonical": halves,
    "tls_policy": lambda: TLS_POLICIES,
    "mime": mails,
    "arf": mails,
    "bounce": mails,
    "token": mails,
    "dkim_verify": mails,
    "header_text": headers,
    "mailbox": headers,
    "text_view": texts,
    "link_check": texts,
    "html_text": lambda: leaves(lambda kind: kind == "text/html"),
    "pattern_file": lambda: (f.read_bytes() for f in sorted((ROOT / "conf/patterns").rglob("*.toml"))),
    "file_text": lambda: numbered(leaves(lambda kind: not kind.startswith("image/"))),
    "session": lambda: (b"\0" + f.read_bytes() for f in sorted((CORPORA / "chasquid/smtp-fuzz-sessions").glob("*")) if f.is_file()),
}


def write_seeds(name, folder):
    """The folder, with the seeds of that target and nothing else; long ones are cut."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for n, content in enumerate(dict.fromkeys(c[:OCTETS_MAX] for c in SEEDS.get(name, lambda: [])())):
        (folder / f"{n:05}").write_bytes(content)
    return folder

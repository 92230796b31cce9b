#!/usr/bin/python3
"""No text is lost on its way to the scan: every text leaf that Python's email package finds in a mail of the corpora, decoded by
it, and every text that the corpora's own expected results name (mail-parser: X.json, mime4j: X_decoded_N.txt), is among the
texts that dump_texts says are scanned. White space does not count.

usage: compare_texts.py DUMP_TEXTS CORPORA (the environment's CONSENTRY_CORPORA goes first)
exit 0: none is missing without a known reason; 1: one is; 77: no corpora here (skipped)
"""
import email
import email.policy
import json
import os
import pathlib
import re
import subprocess
import sys
import unicodedata

# file -> why a text of theirs is not among ours. We see as much, or more.
DANGLING = "base 64 of 4n+1 characters: Python gives it up undecoded, we decode what is whole"
BOUNDARY = "a line that is nearly the boundary: text to them, a boundary to us, and the message is unscannable"
KNOWN = {
    "enmime/mime/parts-chardet-fail.raw": "a picture labelled text/plain: a picture to us, and the message is unscannable",
    "enmime/mime/parts-extra-base64-character.raw": DANGLING,
    "flanker/mime/enclosed-broken-body.eml": DANGLING,
    "mail-parser/mime/malformed-019.eml": "header fields and boundaries cut by garbage: fields and boundaries to us, text to them",
    "mail-parser/mime/thirdparty-002.eml": '"?garbage" under base 64 is left as it is; we decode it, and the message is unscannable',
    "mail-parser/mime/thirdparty-003.eml": "blanks behind the transfer encoding: Python does not decode it then",
    "mikel-mail/mime/attachment-attachment_pdf_non_ascii.eml": "a letter that was misread before is read as what it was",
    "mime4j/mime/malformedHeaderStartsBody-nocrlfcrlf.msg": "a field behind a line that is none: skipped by them, text to us",
    "mime4j/mime/obsolete.msg": "blanks before the colon (obsolete, still read by mail programs): a field to us",
    "mime4j/mime/very-very-long-boundary.msg": BOUNDARY,
    "mime4j/mime/weird-boundary.msg": BOUNDARY,
}


JAPANESE = str.maketrans("\u301c\u2212\u2016", "\uff5e\uff0d\u2225")


def mails(corpora):
    with open(corpora / "INDEX.tsv", encoding="utf-8") as index:
        next(index)
        for line in index:
            yield line.split("\t")[0]


def normal(text):
    """Without white space and control characters. What a Western label calls one is windows-1252's letter, as in browsers; of the
    two waves and dashes that Japanese charsets are read with, one."""
    text = "".join(bytes([ord(c)]).decode("cp1252", "ignore") if "\x80" <= c <= "\x9f" else c for c in text)
    return re.sub(r"[\s\x00-\x1f\ufeff\x7f]+", "", unicodedata.normalize("NFC", text.translate(JAPANESE)))


def readable(text):
    """The pieces that must be found: where octets are no letters of the charset that the label names, those in ASCII around them."""
    if re.search("[\ufffd\ud800-\udfff]", text):
        return re.split("[^\x00-\x7f]+", text)
    return [text]


def shown_of_calendar(text):
    """A mail program shows these of an event, not the lines themselves."""
    lines = re.sub(r"\r?\n[ \t]", "", text).splitlines()
    for line in lines:
        if match := re.match(r"(?:SUMMARY|DESCRIPTION|LOCATION|COMMENT)\b[^:]*:(.*)", line):
            yield re.sub(r"\\(.)", lambda m: "\n" if m[1] in "nN" else m[1], match[1])


def text_of(part):
    try:
        return part.get_content()
    except Exception:  # a charset or an encoding that Python does not know
        return (part.get_payload(decode=True) or b"").decode("utf-8", "replace")


def by_python(raw):
    for part in email.message_from_bytes(raw, policy=email.policy.default).walk():
        try:
            if part.get_content_type() == "text/calendar":
                yield from shown_of_calendar(text_of(part))
            elif part.get_content_maintype() == "text" and not part.is_multipart():
                yield text_of(part)
        except Exception:  # headers that its own parser cannot read
            continue


def by_mail_parser(parts):
    for part in parts:
        for kind, body in part["body"].items():
            if kind in ("Text", "Html"):
                yield body
            elif kind == "Message":
                yield from by_mail_parser(body["parts"])


def by_expected_results(path):
    """(text, where it is told)"""
    for told in path.parent.glob(path.stem + "_decoded_*.txt"):
        raw = told.read_bytes()
        try:
            yield raw.decode("utf-8")
        except UnicodeDecodeError:
            yield raw.decode("ascii", "replace")
    told = path.with_suffix(".json")
    if path.parts[-3] == "mail-parser" and told.exists():
        yield from by_mail_parser(json.loads(told.read_text(encoding="utf-8"))["parts"])


def main():
    dump, corpora = sys.argv[1], pathlib.Path(os.environ.get("CONSENTRY_CORPORA", sys.argv[2]))
    if not corpora.is_dir():
        print("skipped: no corpora at", corpora)
        return 77
    files = sorted(mails(corpora))
    lines = subprocess.run([dump, *(str(corpora / f) for f in files)], check=True, capture_output=True).stdout.splitlines()
    texts, expected, explained, bad = 0, 0, 0, []
    unused = set(KNOWN)
    for file, line in zip(files, lines, strict=True):
        path = corpora / file
        dumped = json.loads(line)
        ours = [normal(t) for t in dumped["texts"]]
        everything = "\n".join(ours)
        missing = []
        for told, all_theirs in (("python", by_python(path.read_bytes())), ("expected result", by_expected_results(path))):
            for theirs in all_theirs:
                texts += told == "python"
                expected += told != "python"
                missing += [(told, piece) for piece in readable(theirs) if normal(piece) not in everything]
        if not missing:
            continue
        if file in KNOWN:
            explained += 1
            unused.discard(file)
            continue
        bad.append(file)
        print(file)
        for told, text in missing:
            print(f"   {told}: {text[:300]!r}")
        if "-v" in sys.argv:
            for t in dumped["texts"]:
                print(f"   ours: {t[:300]!r}")
    for file in sorted(unused):
        print("nothing is missing any longer, remove it from the list:", file)
    print(f"{len(files)} mails, {texts} texts by Python, {expected} by expected results; {explained} mails differ with a reason, "
          f"{len(bad)} without")
    return 1 if bad or unused else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/python3
"""Two readers, one truth: the leaves that dump_parts finds in every mail of the corpora against
Python's email package, as a multiset of (content type, sha256 of the decoded bytes).

usage: compare_with_python.py DUMP_PARTS CORPORA (the environment's CONSENTRY_CORPORA goes first)
exit 0: no difference without a known reason; 1: there is one; 77: no corpora here (skipped)
"""
import collections
import email
import email.policy
import hashlib
import json
import os
import subprocess
import sys

FOLDERS = ("mail-parser", "mime4j", "cpython", "enmime", "mikel-mail", "flanker", "james",
           "mimekit", "mailparser", "mail-mime-parser", "rspamd", "spamassassin", "sisimai",
           "kumomta", "mail-auth")

# Reports: Python splits message/delivery-status into header blocks and takes the other message/*
# types for enclosed messages. To us each is one leaf, so that its text is scanned as a whole.
OPAQUE = {"message/delivery-status", "message/feedback-report", "message/disposition-notification",
          "message/tracking-status"}

AFTER_CLOSE = "we go on behind a closing boundary that others ignore: nothing may be hidden there"
DANGLING = "base 64 of 4n+1 characters: Python gives it up undecoded, we decode what is whole"
UNQUOTED = 'an unquoted boundary with "=" in it: Python cuts it off there and finds no parts'
LINE_END = "a multipart without its boundary: same text, but for its last line end"
BLANK_COLON = "blanks before the colon (obsolete, still read by mail programs): a field to us"
BLANK_CLOSE = 'blanks between the boundary and its closing "--": closed to us'

# file -> why we see something else. More than Python sees, never less text.
KNOWN = {
    "cpython/mime/msg_15.eml": AFTER_CLOSE,
    "cpython/mime/msg_39.eml": AFTER_CLOSE,
    "sisimai/bounce/rhost-cox-01.eml": AFTER_CLOSE,
    "mail-parser/mime/malformed-005.eml": AFTER_CLOSE,
    "mail-parser/mime/malformed-003.eml": "an inner multipart with the outer's boundary: nested",
    "mail-parser/mime/malformed-013.eml": "an inner multipart with the outer's boundary: nested",
    "cpython/mime/msg_42.eml": LINE_END,
    "flanker/mime/mailformed-headers.eml": LINE_END,
    "mime4j/mime/missing-inner-boundary.msg": LINE_END,
    "mime4j/mime/missing-inner-start-boundary.msg": LINE_END,
    "mimekit/mime/empty-multipart.txt": LINE_END,
    "sisimai/bounce/lhost-amazonses-14.eml": LINE_END,
    "sisimai/bounce/lhost-verizon-02.eml": LINE_END,
    "spamassassin/spam/spam-badmime3.txt": LINE_END,
    "enmime/mime/parts-extra-base64-character.raw": DANGLING,
    "flanker/mime/enclosed-broken-body.eml": DANGLING,
    "rspamd/mime/fname.eml": DANGLING,
    "sisimai/bounce/rhost-google-06.eml": DANGLING,
    "spamassassin/ham/ham-mime4": DANGLING,
    "mikel-mail/mime/plain-raw_email_bad_time.eml": UNQUOTED,
    "spamassassin/spam/spam-utf16.eml": UNQUOTED,
    "mail-parser/mime/malformed-019.eml": BLANK_COLON,
    "mime4j/mime/obsolete.msg": BLANK_COLON,
    "mail-parser/mime/thirdparty-003.eml":
        "blanks behind the transfer encoding: Python does not decode it then",
    "mime4j/mime/very-very-long-boundary.msg": BLANK_CLOSE,
    "mime4j/mime/weird-boundary.msg": BLANK_CLOSE,
    "mime4j/mime/ending-boundaries.msg":
        "words behind a boundary: a delimiter by RFC 2046 section 5.1.1, not to Python",
}


def mails(corpora):
    with open(os.path.join(corpora, "INDEX.tsv"), encoding="utf-8") as index:
        next(index)
        for line in index:
            path = line.split("\t")[0]
            if path.split("/")[0] in FOLDERS:
                yield path


def python_leaves(raw):
    message = email.message_from_bytes(raw, policy=email.policy.default)
    found = collections.Counter()

    def visit(part):
        try:
            kind = part.get_content_type()
        except Exception:  # headers that its own parser cannot read
            kind = "?"
        if kind.startswith("message/") and kind not in REALLY_ENCLOSED:
            found[(kind, "")] += 1
            return
        if part.is_multipart():
            for child in part.iter_parts() if kind.startswith("multipart/") else part.get_payload():
                visit(child)
            return
        try:
            body = part.get_payload(decode=True) or b""
        except Exception as error:
            body = repr(error).encode()
        found[(kind, hashlib.sha256(body).hexdigest())] += 1

    visit(message)
    return found


REALLY_ENCLOSED = {"message/rfc822", "message/global", "message/news", "message/partial",
                   "message/external-body"}


def our_leaves(dumped):
    found = collections.Counter()
    for leaf in dumped["leaves"]:
        opaque = leaf["type"].startswith("message/") and leaf["type"] not in REALLY_ENCLOSED
        found[(leaf["type"], "" if opaque else leaf["sha256"])] += 1
    return found


def main():
    dump, corpora = sys.argv[1:3]
    corpora = os.environ.get("CONSENTRY_CORPORA", corpora)
    if not os.path.isdir(corpora):
        print("skipped: no corpora at", corpora)
        return 77
    files = sorted(mails(corpora))
    paths = [os.path.join(corpora, f) for f in files]
    lines = subprocess.run([dump, *paths], check=True, capture_output=True).stdout.splitlines()
    bad = []
    explained = 0
    unused = set(KNOWN)
    for file, path, line in zip(files, paths, lines, strict=True):
        dumped = json.loads(line)
        with open(path, "rb") as mail:
            theirs = python_leaves(mail.read())
        ours = our_leaves(dumped)
        if ours == theirs:
            continue
        if file in KNOWN:
            explained += 1
            unused.discard(file)
            continue
        bad.append(file)
        print(file)
        for kind, digest in (theirs - ours).elements():
            print("   python only:", kind, digest[:12])
        for kind, digest in (ours - theirs).elements():
            print("   ours only:  ", kind, digest[:12])
        for problem in dumped["problems"]:
            print("   problem:", problem)
    for file in sorted(unused):
        print("no longer differs, remove it from the list:", file)
    print(f"{len(files)} mails, {explained} differ with a reason, {len(bad)} without")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

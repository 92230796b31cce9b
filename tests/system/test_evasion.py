"""The evasion table: what is forbidden is found in every disguise. scripts/evasion-table prints all of it."""
import subprocess
import sys

import support

sys.path.insert(0, str(support.ROOT / "tests" / "evasion"))
import documents  # noqa: E402
import letters  # noqa: E402
import wrappings  # noqa: E402


def table(*arguments):
    return subprocess.run([str(support.ROOT / "scripts/evasion-table"), *arguments], capture_output=True, text=True,
                          timeout=10 * support.PATIENCE_S, env={"CONSENTRY_BUILD": str(support.BUILD)})


def test_no_disguise_hides_what_is_forbidden():
    done = table("--sentences", "2", "--missed")
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr
    rows = [line for line in done.stdout.splitlines() if line.endswith("." + 11 * "      .")]
    assert len(rows) == len(letters.LETTERS + wrappings.MAIL + documents.DOCUMENTS)
    assert "24 categories by language; 0 cells are not full" in done.stdout


def test_the_table_tells_what_is_missed(tmp_path):
    """A judge that sends everything: each cell is empty, and the table says so."""
    (tmp_path / "bin").mkdir()
    judge = tmp_path / "bin" / "consentry"
    judge.write_text("#!/bin/sh\nfor file; do case $file in *.eml) echo '{\"file\": \"'$file'\", \"verdict\": \"send\", "
                     "\"scores\": {}, \"unscannable\": []}';; esac; done\n")
    judge.chmod(0o755)
    done = subprocess.run([str(support.ROOT / "scripts/evasion-table"), "--only", "soft hyphens", "--sentences", "1"],
                          capture_output=True, text=True, timeout=support.PATIENCE_S,
                          env={"CONSENTRY_BUILD": str(tmp_path), "PATH": "/usr/bin:/bin"})
    assert done.returncode == 1
    assert done.stdout.count("0/2") == 12 and "missed: soft hyphens: hu H1" in done.stdout


def test_the_disguises_are_what_they_say():
    change = dict(letters.LETTERS)
    assert change["homoglyphs: Cyrillic"]("kasino") == "k\u0430\u0455\u0456n\u043e"
    assert change["spaced letters"]("olcsó hitel") == "o l c s ó  h i t e l"
    assert change["leet: vowels"]("olcsó hitel") == "0lcs0 h1t3l"
    assert change["mojibake of windows-1250"]("ő") == "Ĺ‘"
    assert change["mojibake twice"]("á") == "ÃƒÂ¡"
    wrap = dict(wrappings.MAIL)
    assert "kaszin".encode() not in wrap["HTML tags inside words"]("kaszinó")
    assert b"=?utf-8?B?a2Fzeg==?=\r\n =?utf-8?B?aW7Dsw==?=" in wrap["subject: RFC 2047, words cut"]("kaszinó")

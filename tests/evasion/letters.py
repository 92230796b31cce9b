"""Disguises of letters and words: text to text. What a reader still reads, and a plain search does not find."""
import itertools
import re
import unicodedata

LEET_VOWELS = str.maketrans("aeioAEIO", "43104310")
LEET_ALL = str.maketrans("aeiostAEIOST", "@310$7@310$7")
FULLWIDTH = {i: 0xFEE0 + i for i in range(0x21, 0x7F)}
CYRILLIC = str.maketrans("aceopxyisABCEHKMOPTX", "асеорхуіѕАВСЕНКМОРТХ")
GREEK = str.maketrans("aeikoptuvxnABEHIKMNOPTXZ", "αεικορτυνχηΑΒΕΗΙΚΜΝΟΡΤΧΖ")
SYLLABICS = str.maketrans("abcdfhjlmnpqrstuvwxz", "ᗩᗷᑕᗪᖴᕼᒍᒪᗰᑎᑭᑫᖇᔕTᑌᐯᗯ᙭ᘔ")
SMALL_CAPITALS = str.maketrans("abcdefghijklmnoprtuvwyz", "ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀᴛᴜᴠᴡʏᴢ")


def without_accents(text):
    return "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))


def with_tilde(text):
    """ő and ű as typewriters with Western letters wrote them."""
    return text.translate(str.maketrans("őűŐŰ", "õûÕÛ"))


def shifted(upper, lower, digits=None):
    """An alphabet further up, such as that of mathematical letters."""
    table = {ord("A") + i: upper + i for i in range(26)} | {ord("a") + i: lower + i for i in range(26)}
    if digits:
        table |= {ord("0") + i: digits + i for i in range(10)}
    return lambda text: without_accents(text).translate(table)


def between(sign, word):
    return sign.join(word)


def in_words(change, least=3):
    """change(word) for each run of letters."""
    return lambda text: re.sub(rf"[^\W\d_]{{{least},}}", lambda m: change(m.group()), text)


def spelled(sign):
    return in_words(lambda word: between(sign, word))


def leet(table, kept=0):
    """In words of two letters and more, behind the first so many: one figure alone is a number to anyone."""
    return lambda text: in_words(lambda w: w[:kept] + w[kept:].translate(table), 2)(without_accents(text))


def spaced(text):
    """All words spelled out, two blanks between words: the only way in which one can still read it."""
    return "  ".join(" ".join(re.split(r"(?<=[^\W\d_])(?=[^\W\d_])", word)) for word in text.split())


def spaced_in_turn(text):
    """Every other of the longer words; the small ones between them stay: "a k a m e r a előtt"."""
    words, long = [], 0
    for word in text.split(" "):
        long += len(word) > 3
        words.append(" ".join(word) if len(word) > 3 and word.isalpha() and long % 2 == 0 else word)
    return " ".join(words)


def in_the_middle(sign):
    return in_words(lambda word: word[:len(word) // 2] + sign + word[len(word) // 2:], 4)


def tripled(text):
    """One letter of each word drawn out."""
    return in_words(lambda word: word[:1] + word[1] * 4 + word[2:])(text)


def shown_as(octet, charset):
    try:
        return bytes([octet]).decode(charset)
    except UnicodeDecodeError:
        return chr(octet)  # as browsers do


def mojibake(charset):
    """UTF-8 read as charset, and kept so."""
    return lambda text: "".join("".join(shown_as(o, charset) for o in c.encode()) if ord(c) > 0x7F else c for c in text)


def twice(charset):
    once = mojibake(charset)
    return lambda text: once(once(text))


def piled(text):
    marks = itertools.cycle("\u0336\u0301\u0323\u20d2")
    return "".join(c + next(marks) if c.isalpha() else c for c in text)


def every_other(sign_cycle):
    def change(text):
        signs = itertools.cycle(sign_cycle)
        return in_words(lambda word: "".join(c + next(signs) for c in word[:-1]) + word[-1])(text)
    return change


LETTERS = [
    ("plain", lambda t: t),
    ("accents dropped", without_accents),
    ("õ/û for ő/ű", with_tilde),
    ("upper case", str.upper),
    ("mixed case", lambda t: "".join(c.upper() if n % 2 else c.lower() for n, c in enumerate(t))),
    ("combining accents (NFD)", lambda t: unicodedata.normalize("NFD", t)),
    ("a heap of accents", piled),
    ("leet: vowels", leet(LEET_VOWELS)),
    ("leet: figures and signs", leet(LEET_ALL, 2)),
    ("signs of money for letters", lambda t: in_words(lambda w: w[0] + w[1:-1].translate(str.maketrans("eclyECLY", "€¢£¥€¢£¥")) + w[-1])(without_accents(t))),
    ("spaced letters", spaced),
    ("spaced letters, every other word", spaced_in_turn),
    ("hyphens with blanks between letters", lambda t: re.sub(r"(?<=[^\W\d_]) (?=[^\W\d_])", " - ", spaced(t).replace("  ", "   "))),
    ("dots between letters", spelled(".")),
    ("hyphens between letters", spelled("-")),
    ("stars between letters", spelled("*")),
    ("underscores between letters", spelled("_")),
    ("bullets between letters", spelled("\u2022")),
    ("emoji between letters", spelled("\U0001f525")),
    ("hyphens inside words", in_the_middle("-")),
    ("double stars inside words", in_words(lambda w: w[:2] + "**" + w[2:-1] + "**" + w[-1:], 4)),
    ("dots inside words", in_the_middle(".")),
    ("hearts inside words", in_the_middle("\u2665")),
    ("letters drawn out", tripled),
    ("zero width", every_other("\u200b\u200c\u200d\u2060\ufeff")),
    ("soft hyphens", spelled("\u00ad")),
    ("invisible signs", every_other("\u202a\u202c\u2061\ufe0f\u034f\u180e\u3164\U000e0061")),
    ("homoglyphs: Cyrillic", lambda t: t.translate(CYRILLIC)),
    ("homoglyphs: Greek", lambda t: t.translate(GREEK)),
    ("homoglyphs: small capitals", lambda t: without_accents(t).lower().translate(SMALL_CAPITALS)),
    ("homoglyphs: Canadian syllabics", lambda t: without_accents(t).lower().translate(SYLLABICS)),
    ("fullwidth", lambda t: without_accents(t).translate(FULLWIDTH)),
    ("mathematical bold", shifted(0x1D400, 0x1D41A, 0x1D7CE)),
    ("mathematical sans-serif", shifted(0x1D5A0, 0x1D5BA, 0x1D7E2)),
    ("circled letters", shifted(0x24B6, 0x24D0)),
    ("negative squared letters", lambda t: shifted(0x1F170, 0x1F170)(t)),
    ("mojibake of windows-1250", mojibake("cp1250")),
    ("mojibake of windows-1252", mojibake("cp1252")),
    ("mojibake of Latin-1", mojibake("latin-1")),
    ("mojibake twice", twice("cp1252")),
    ("a line for each word", lambda t: t.replace(" ", "\n")),
    ("no-break spaces and tabs", lambda t: t.replace(" ", "\u00a0\t")),
    ("quoted as a reply", lambda t: "> " + t.replace(" ", "\n> ")),
    ("leet, spelled, and a soft hyphen", lambda t: in_words(lambda w: between(".\u00ad", w.translate(LEET_VOWELS)))(without_accents(t))),
    ("Cyrillic, zero width, upper case", lambda t: every_other("\u200b")(t.upper()).translate(CYRILLIC)),
]

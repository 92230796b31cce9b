"""Disguises of a whole text: what mail itself allows. Each is text to message, as bytes with CRLF."""
import base64
import binascii
import html
import json
import quopri
import re
import urllib.parse

HEAD = ("From: {sender}\nTo: b@example.org\nSubject: {subject}\nDate: Mon, 02 Nov 2026 10:00:00 +0100\n"
        "Message-ID: <1@bolt.example>\nMIME-Version: 1.0\n")
POLITE = "Kedves Olvasónk! Dear Reader! Jó napot kívánunk."
PLAIN = "text/plain; charset=utf-8"
HTML = "text/html; charset=utf-8"


def crlf(text):
    return text.replace("\r\n", "\n").replace("\n", "\r\n")


def message(body, kind=PLAIN, encoding="8bit", subject="hir", sender="Bolt <a@bolt.example>"):
    """body: bytes as they go over the wire, or text. kind None: no Content-Type at all."""
    head = HEAD.format(subject=subject, sender=sender)
    head += f"Content-Type: {kind}\n" if kind else ""
    head += f"Content-Transfer-Encoding: {encoding}\n" if encoding else ""
    body = crlf(body).encode() if isinstance(body, str) else body
    return crlf(head).encode() + b"\r\n" + body + b"\r\n"


def letter(text):
    return message(f"{POLITE}\n\n{text}\n")


def subject(line):
    return message(POLITE, subject=line)


def part(kind, body, encoding="8bit", more=""):
    body = crlf(body).encode() if isinstance(body, str) else body
    return crlf(f"--=_x\nContent-Type: {kind}\nContent-Transfer-Encoding: {encoding}\n{more}\n").encode() + body + b"\r\n"


def parts(*all, kind="mixed"):
    return message(b"".join(all) + b"--=_x--", f'multipart/{kind}; boundary="=_x"', None)


def attached(name, content, kind="application/octet-stream"):
    return parts(part(PLAIN, POLITE),
                 part(kind, base64.encodebytes(content).replace(b"\n", b"\r\n"), "base64",
                      f'Content-Disposition: attachment; filename="{name}"\n'))


def in_html(body, head=""):
    return message(f"<!DOCTYPE html><html><head>{head}</head><body><p>{POLITE}</p>{body}</body></html>", HTML)


def escaped(text):
    return html.escape(text, quote=True)


def css_string(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def escaped_enriched(text):
    """RFC 1896: a "<" is written twice."""
    return text.replace("<", "<<")


def styled(style):
    return lambda t: in_html(f'<div style="{style}">{escaped(t)}</div>')


def by_class(rule):
    return lambda t: in_html(f'<div class="pre">{escaped(t)}</div>', f"<style>.pre {{ {rule} }}</style>")


def octets(charset, label=None, of=lambda t: t, kind="text/plain"):
    """In a charset, as base64 (some have octets that no line may hold), under that label or another."""
    label = charset if label is None else label
    named = f"{kind}; charset={label}" if label else kind
    return lambda t: message(base64.encodebytes(of(t).encode(charset, "replace")).replace(b"\n", b"\r\n"), named, "base64")


def raw(charset, kind):
    """Octets as they are, under a label that tells nothing or the wrong thing."""
    return lambda t: message(t.encode(charset, "replace"), kind)


def as_western(text):
    return text.translate(str.maketrans("őűŐŰ", "õûÕÛ"))


def b_word(text, charset="utf-8"):
    return f"=?{charset}?B?{base64.b64encode(text.encode(charset, 'replace')).decode()}?="


def q_word(text, charset="utf-8"):
    return f"=?{charset}?Q?" + "".join("_" if o == 0x20 else f"={o:02X}" for o in text.encode(charset, "replace")) + "?="


def broken_words(text):
    """Encoded words of four characters: their edges lie inside the words, and are not shown."""
    return "\n ".join(b_word(text[i:i + 4]) for i in range(0, len(text), 4))


def all_quoted(data):
    out = "".join(f"={o:02X}" for o in data)
    return "=\r\n".join(out[i:i + 72] for i in range(0, len(out), 72)).encode()


def softly_broken(text):
    """Quoted-printable whose lines end after every seven octets."""
    pieces = [f"={o:02X}" if o > 0x7E or o == 0x3D else chr(o) for o in text.encode()]
    return "=\r\n".join("".join(pieces[i:i + 7]) for i in range(0, len(pieces), 7))


def uuencoded(data):
    return b"begin 644 a.txt\r\n" + b"".join(
        binascii.b2a_uu(data[i:i + 45]).rstrip(b"\n") + b"\r\n" for i in range(0, len(data), 45)) + b"`\r\nend"


def file_name(text):
    """RFC 2231, in pieces."""
    quoted = "".join(f"%{o:02X}" for o in text.encode())
    pieces = [quoted[i:i + 48] for i in range(0, len(quoted), 48)]
    name = "".join(f";\n filename*{n}*={chr(39).join(['utf-8', 'hu', '']) if n == 0 else ''}{p}" for n, p in enumerate(pieces))
    return parts(part(PLAIN, POLITE), part("image/png", base64.b64encode(b"\x89PNG\r\n\x1a\n"), "base64",
                                           f"Content-Disposition: attachment{name}\n"))


def nested(inner, kind="message/rfc822"):
    return parts(part(PLAIN, POLITE), part(kind, inner))


def piecewise(before, after, size=2):
    """The text in pieces that cut words, each between the two."""
    return lambda t: in_html("<p>" + "".join(
        before + escaped(t[i:i + size]) + after if t[i:i + size].strip() else t[i:i + size]
        for i in range(0, len(t), size)) + "</p>")


def junk_inside(style):
    """Letters that nobody sees between those of each word."""
    return lambda t: in_html("<p>" + "".join(
        escaped(c) + (f'<span style="{style}">q</span>' if c.isalpha() else "") for c in t) + "</p>")


def entities(form):
    return lambda t: in_html("<p>" + "".join(form(c) for c in t) + "</p>")


def named_entity(c):
    return f"&{html.entities.codepoint2name[ord(c)]};" if ord(c) in html.entities.codepoint2name else c


MAIL = [
    ("quoted-printable", lambda t: message(quopri.encodestring(t.encode()).replace(b"\n", b"\r\n"), PLAIN, "quoted-printable")),
    ("quoted-printable: every octet", lambda t: message(all_quoted(t.encode()), PLAIN, "quoted-printable")),
    ("quoted-printable: lines end inside words", lambda t: message(softly_broken(t), PLAIN, "quoted-printable")),
    ("base64", lambda t: message(base64.b64encode(t.encode()), PLAIN, "base64")),
    ("base64 in lines of 4", lambda t: message(b"\r\n".join(
        base64.b64encode(t.encode())[i:i + 4] for i in range(0, len(t.encode()) * 4 // 3 + 4, 4)), PLAIN, "BASE64")),
    ("uuencoded part", lambda t: message(uuencoded(t.encode()), PLAIN, "x-uuencode")),
    ("uuencoded in the text", lambda t: message(POLITE.encode() + b"\r\n\r\n" + uuencoded(t.encode()))),
    ("ISO-8859-2", octets("iso-8859-2")),
    ("windows-1250", octets("windows-1250")),
    ("ISO-8859-16", octets("iso-8859-16")),
    ("IBM852", octets("cp852", "ibm852")),
    ("Latin-1 label, õ/û", octets("latin-1", "iso-8859-1", as_western)),
    ("windows-1252 label on ISO-8859-2", octets("iso-8859-2", "windows-1252")),
    ("UTF-8 label on windows-1250", octets("windows-1250", "utf-8")),
    ("windows-1250 label on UTF-8", octets("utf-8", "windows-1250")),
    ("ISO-8859-1 label on UTF-8", octets("utf-8", "iso-8859-1")),
    ("unknown label on UTF-8", octets("utf-8", "x-unknown")),
    ("us-ascii label on ISO-8859-2", raw("iso-8859-2", "text/plain; charset=us-ascii")),
    ("no label, UTF-8", raw("utf-8", "text/plain")),
    ("no Content-Type, ISO-8859-2", raw("iso-8859-2", None)),
    ("UTF-16", octets("utf-16")),
    ("UTF-16LE", octets("utf-16-le", "utf-16le")),
    ("UTF-16BE", octets("utf-16-be", "utf-16be")),
    ("UTF-16 with its mark, no label", octets("utf-16", "")),
    ("UTF-16 with its mark, UTF-8 label", octets("utf-16", "utf-8")),
    ("UTF-32", octets("utf-32")),
    ("UTF-7", octets("utf-7")),
    ("GB18030", octets("gb18030")),
    ("HTML, charset in <meta> only", lambda t: message(
        f'<html><head><meta charset="iso-8859-2"></head><body>{escaped(t)}'.encode("iso-8859-2", "replace"), "text/html")),
    ("HTML in UTF-16", octets("utf-16", kind="text/html", of=lambda t: f"<p>{escaped(t)}</p>")),

    ("HTML tags inside words", piecewise("<b>", "</b>")),
    ("HTML tags without end inside words", piecewise("<font>", "")),
    ("HTML: a span for each letter", piecewise("<span>", "</span>", 1)),
    ("HTML comments inside words", piecewise("", "<!-- x -->", 3)),
    ("HTML <wbr> and &shy; inside words", piecewise("<wbr>", "&shy;", 3)),
    ("HTML &zwnj; and &#8203; inside words", piecewise("&zwnj;", "&#8203;", 2)),
    ("HTML: floating cells", piecewise('<span style="float:left">', "</span>", 1)),
    ("HTML: a table cell for each letter", lambda t: in_html("<table><tr>" + "".join(
        f"<td>{escaped(c) if c.strip() else '&nbsp;'}</td>" for c in re.findall(r"[^\W\d_]|[\d%$]+|\W", t)) + "</tr></table>")),
    ("HTML unseen letters inside words", junk_inside("display:none")),
    ("HTML letters of size 0 inside words", junk_inside("font-size:0")),
    ("HTML letters in white inside words", junk_inside("color:#ffffff")),
    ("entities: decimal", entities(lambda c: f"&#{ord(c)};")),
    ("entities: hexadecimal", entities(lambda c: f"&#x{ord(c):X};")),
    ("entities: without semicolon", entities(lambda c: f"&#{ord(c):07d}" if c.isalpha() else escaped(c))),
    ("entities: named", entities(named_entity)),
    ("hidden: display:none", styled("display:none")),
    ("hidden: visibility", styled("visibility:hidden")),
    ("hidden: font-size:0", styled("font-size:0px;line-height:0")),
    ("hidden: opacity:0", styled("opacity:0")),
    ("hidden: white on white", styled("color:#fff;background-color:white")),
    ("hidden: no height", styled("max-height:0;overflow:hidden;mso-hide:all")),
    ("hidden: off the page", styled("position:absolute;left:-9999px")),
    ("hidden: text-indent", styled("text-indent:-9999px")),
    ("hidden: by a style sheet", by_class("display: none")),
    ("hidden: attribute", lambda t: in_html(f"<div hidden>{escaped(t)}</div>")),
    ("alt text", lambda t: in_html(f'<img src="https://a.example/x.png" alt="{escaped(t)}">')),
    ("title text", lambda t: in_html(f'<p title="{escaped(t)}">Szia</p>')),
    ("aria-label", lambda t: in_html(f'<a href="https://a.example/" aria-label="{escaped(t)}">Szia</a>')),
    ("button value", lambda t: in_html(f'<form><input type="submit" value="{escaped(t)}"></form>')),
    ("placeholder", lambda t: in_html(f'<form><input placeholder="{escaped(t)}"></form>')),
    ("<title>", lambda t: in_html("<p>Szia</p>", f"<title>{escaped(t)}</title>")),
    ("<noscript>", lambda t: in_html(f"<noscript>{escaped(t)}</noscript>")),
    ("comment for Outlook", lambda t: in_html(f"<!--[if mso]><p>{escaped(t)}</p><![endif]-->")),
    ("SVG text", lambda t: in_html(f"<svg><text>{escaped(t)}</text></svg>")),
    ("iframe srcdoc", lambda t: in_html(f'<iframe srcdoc="{escaped("<p>" + escaped(t) + "</p>")}"></iframe>')),
    ("<option>", lambda t: in_html(f"<form><select><option>Szia</option><option>{escaped(t)}</option></select></form>")),
    ("label of options", lambda t: in_html(f'<form><select><optgroup label="{escaped(t)}"><option>Szia</option></optgroup></select></form>')),
    ("<textarea>", lambda t: in_html(f"<form><textarea>{escaped(t)}</textarea></form>")),
    ("<details>", lambda t: in_html(f"<details><summary>Szia</summary>{escaped(t)}</details>")),
    ("<object> that is not shown", lambda t: in_html(f'<object data="https://a.example/x.swf">{escaped(t)}</object>')),
    ("<template>, then what is shown", lambda t: in_html(f"<template>Szia</template><p>{escaped(t)}</p>")),
    ("<bdo dir=rtl>, turned round", lambda t: in_html(f"<bdo dir=rtl>{escaped(t[::-1])}</bdo>")),
    ("<bdo dir=rtl> with tags, turned round", lambda t: in_html(
        "<bdo dir=rtl>" + "".join(f"<b>{escaped(c)}</b>" for c in t[::-1]) + "</bdo>")),
    ("bidi-override by style, turned round", lambda t: in_html(
        f'<span style="unicode-bidi: bidi-override; direction: rtl">{escaped(t[::-1])}</span>')),
    ("bidi-override by a style sheet, turned round", lambda t: in_html(
        f'<div class="r">{escaped(t[::-1])}</div>', "<style>.r { unicode-bidi: bidi-override; direction: rtl }</style>")),
    ("bidi-override by style that programs drop", lambda t: in_html(
        f'<span style="unicode-bidi: bidi-override; direction: rtl">{escaped(t)}</span>')),
    ("U+202E in HTML, turned round", lambda t: in_html(f"<p>&#x202E;{escaped(t[::-1])}&#x202C;</p>")),
    ("letters floating right, turned round", lambda t: in_html(
        "".join(f'<span style="float:right">{escaped(c) if c.strip() else "&nbsp;"}</span>' for c in t[::-1]))),
    ("letters in a row-reverse, turned round", lambda t: in_html('<div style="display:flex;flex-direction:row-reverse">' + "".join(
        f"<span>{escaped(c) if c.strip() else '&nbsp;'}</span>" for c in t[::-1]) + "</div>")),
    ("a table from right to left, turned round", lambda t: in_html('<table dir="rtl"><tr>' + "".join(
        f"<td>{escaped(c) if c.strip() else '&nbsp;'}</td>" for c in re.findall(r"[^\W\d_]|[\d%$]+|\W", t)[::-1]) + "</tr></table>")),
    ("CSS content", lambda t: in_html('<p class="x"></p>', "<style>.x::before { content: " + css_string(t) + " }</style>")),
    ("CSS content, in escapes", lambda t: in_html('<p class="x"></p>', "<style>.x::before { content: \"" + "".join(
        f"\\{ord(c):x} " for c in t) + "\" }</style>")),
    ("CSS content, begun in the text", lambda t: in_html(
        f'<p class="b a">{escaped(t[5:])}</p>', "<style>p.a:before { content: " + css_string(t[:5]) + " }</style>")),
    ("CSS content, ended in the text", lambda t: in_html(
        f'<p id="x">{escaped(t[:-5])}</p>', "<style>p::before, #x::after { content: " + css_string(t[-5:]) + " }</style>")),
    ("CSS content, pieces of words by classes", lambda t: in_html(
        "".join(f'<i class="c{n // 3}"></i>' for n in range(0, len(t), 3)),
        "<style>" + "".join(f".c{n // 3}:after{{content:{css_string(t[n:n + 3])}}}" for n in range(0, len(t), 3)) + "</style>")),
    ("CSS content of an attribute", lambda t: in_html(
        f'<p data-x="{escaped(t)}"></p>', "<style>p::after { content: attr(data-x) }</style>")),
    ("JSON-LD in a script", lambda t: in_html("<p>Szia</p>", '<script type="application/ld+json">' + json.dumps(
        {"@context": "http://schema.org/", "@type": "DiscountOffer", "description": t}) + "</script>")),
    ("microdata", lambda t: in_html(f'<div itemscope itemtype="http://schema.org/DiscountOffer"><meta itemprop="description" '
                                    f'content="{escaped(t)}"></div>')),
    ("words of a link", lambda t: in_html(f'<a href="https://a.example/">{escaped(t)}</a>')),
    ("in a URL, percent-encoded", lambda t: in_html(f'<a href="https://a.example/?q={urllib.parse.quote(t)}">Szia</a>')),
    ("mailto link with a text", lambda t: in_html(f'<a href="mailto:a@b.example?body={urllib.parse.quote(t)}">Szia</a>')),

    ("subject, as it is", subject),
    ("subject: RFC 2047 B", lambda t: subject(b_word(t))),
    ("subject: RFC 2047 Q", lambda t: subject(q_word(t))),
    ("subject: RFC 2047, words cut", lambda t: subject(broken_words(t))),
    ("subject: RFC 2047, ISO-8859-2", lambda t: subject(q_word(t, "iso-8859-2"))),
    ("subject: RFC 2047, UTF-16", lambda t: subject(b_word(t, "utf-16"))),
    ("subject, over several lines", lambda t: subject(t.replace(" ", "\n "))),
    ("name of the sender", lambda t: message(POLITE, sender=f"{b_word(t)} <a@bolt.example>")),
    ("name of a file, RFC 2231", file_name),
    ("U+202E in the subject, turned round", lambda t: subject(b_word("\u202e" + t[::-1]))),
    ("U+202E in a text, turned round", lambda t: letter("\u202e" + t[::-1] + "\u202c Szia")),
    ("description of a part", lambda t: parts(part(PLAIN, POLITE), part(
        "image/png", base64.b64encode(b"\x89PNG\r\n\x1a\n"), "base64", f"Content-Description: {b_word(t)}\n"))),
    ("text/enriched", lambda t: message("<bold>" + "<italic></italic>".join(escaped_enriched(p) for p in re.findall(".{1,3}", t)) + "</bold>",
                                        "text/enriched; charset=utf-8")),
    ("text/richtext", lambda t: message(escaped_enriched(t).replace(" ", " <bold></bold>"), "text/richtext; charset=utf-8")),
    ("text/markdown", lambda t: message(f"# Szia\n\n**{t}**\n", "text/markdown; charset=utf-8")),
    ("text/markdown, marks inside words", lambda t: message(
        re.sub(r"(\w{2})(\w{2})(\w)", r"\1**\2**\3", t), "text/markdown; charset=utf-8")),
    ("text/x-unknown", lambda t: message(t, "text/x-unknown; charset=utf-8")),
    ("application/x-unknown, shown in the mail", lambda t: parts(part(PLAIN, POLITE), part("application/x-unknown", t))),
    ("report: words for the human reader", lambda t: parts(
        part(PLAIN, t), part("message/delivery-status", "Reporting-MTA: dns; a.example\n\nAction: failed\n"), kind="report")),
    ("fragment of a message", lambda t: message(
        letter(t), 'message/partial; id="1@a.example"; number=1; total=2', "7bit")),
    ("message whose body is elsewhere", lambda t: message(
        b"Content-Type: text/plain\r\n\r\n" + t.encode(), 'message/external-body; access-type=URL; URL="http://a.example/x"', "8bit")),
    ("vCard part", lambda t: parts(part(PLAIN, POLITE), part(
        "text/vcard; charset=utf-8", f"BEGIN:VCARD\nVERSION:3.0\nFN:Bolt\nNOTE:{t.replace(',', chr(92) + ',')}\nEND:VCARD\n"))),
    ("vCard part, quoted-printable of its own", lambda t: parts(part(PLAIN, POLITE), part(
        "text/x-vcard", "BEGIN:VCARD\nVERSION:2.1\nFN:Bolt\nNOTE;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:"
        + "".join(f"={o:02X}" for o in t.encode()) + "\nEND:VCARD\n"))),
    ("HTML alternative of a clean text", lambda t: parts(
        part(PLAIN, POLITE), part(HTML, f"<p>{escaped(t)}</p>"), kind="alternative")),
    ("text alternative of a clean HTML", lambda t: parts(
        part(PLAIN, t), part(HTML, f"<p>{POLITE}</p>"), kind="alternative")),
    ("AMP alternative", lambda t: parts(
        part(PLAIN, POLITE), part("text/x-amp-html; charset=utf-8", f"<html amp4email><body><p>{escaped(t)}</p></body></html>"),
        kind="alternative")),
    ("behind the closing boundary", lambda t: message(
        part(PLAIN, POLITE) + b"--=_x--\r\n" + part(PLAIN, t), 'multipart/mixed; boundary="=_x"', None)),
    ("before the first boundary", lambda t: message(
        t.encode() + b"\r\n" + part(PLAIN, POLITE) + b"--=_x--", 'multipart/mixed; boundary="=_x"', None)),
    ("nested message", lambda t: nested(letter(t))),
    ("subject of a nested message", lambda t: nested(subject(b_word(t)))),
    ("message in a message in a message", lambda t: nested(nested(nested(letter(t))))),
    ("nested message in base64", lambda t: parts(part(PLAIN, POLITE), part("message/rfc822", base64.b64encode(letter(t)), "base64"))),
]

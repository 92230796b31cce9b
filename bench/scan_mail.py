"""Ordinary campaign mail for the scan benchmark: the clean samples laid out as a newsletter, HTML beside the same text in plain, and pictures.

A message is 10 to 100 KB, spread evenly over the logarithm. About 45 % of it is HTML as mail builders write it (tables in tables, styles in
every element, conditional comments for Outlook, links with tracking parameters): a tenth of the HTML is text that a reader sees. The rest are
base64 pictures. The same seed gives the same messages.
"""
import base64
import html
import math
import pathlib
import quopri
import random
import tomllib

ROW = ('<tr><td style="padding:12px 24px;font-family:Arial,Helvetica,sans-serif;font-size:15px;line-height:22px;color:#333333;'
       'background-color:#ffffff" align="left" valign="top">\r\n')
HEAD = ('<!DOCTYPE html>\r\n<html lang="{lang}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">\r\n'
        '<title>{subject}</title><style>body{{margin:0;padding:0}}a{{color:#0b5fa5}}.preheader{{display:none}}'
        '@media (max-width:600px){{.wide{{width:100%!important}}}}</style></head>\r\n<body bgcolor="#f2f2f2">\r\n'
        '<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0"><tr><td align="center">\r\n'
        '<table role="presentation" class="wide" width="600" cellpadding="0" cellspacing="0" border="0">\r\n')
FOOT = ('<tr><td style="padding:24px;font-size:12px;color:#777777" align="center">{sender}, 7100 Szekszárd, Fő tér 1.<br>'
        '<a href="https://{domain}/u/{token}">Leiratkozás / unsubscribe</a></td></tr>\r\n</table></td></tr></table></body></html>\r\n')


def clean_samples(folder):
    """(language, subject, text) of every clean sample."""
    out = []
    for file in sorted(pathlib.Path(folder).glob("*/*/clean*.toml")):
        data = tomllib.loads(file.read_text(encoding="utf-8"))
        out += [(data["language"], m["subject"], m["text"]) for m in data["message"]]
    if not out:
        raise SystemExit(f"no clean samples below {folder}")
    return out


P = ('<p style="margin:0 0 12px 0;padding:0;font-family:Arial,Helvetica,sans-serif;font-size:15px;line-height:22px;color:#333333;'
     'mso-line-height-rule:exactly">')
CELL = ('<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" style="border-collapse:collapse;mso-table-lspace:0pt;'
        'mso-table-rspace:0pt"><tr><td style="padding:{0}px 24px;font-size:0;line-height:0;background-color:#ffffff" bgcolor="#ffffff" height="{0}">'
        '&nbsp;</td></tr></table>\r\n')
OUTLOOK = ('<!--[if mso]><table role="presentation" width="552" cellpadding="0" cellspacing="0" border="0"><tr><td width="552" valign="top"><![endif]-->\r\n',
           '<!--[if mso]></td></tr></table><![endif]-->\r\n')


def sentences(text, most=3):
    """Short paragraphs, as newsletters have them."""
    words = text.split()
    return [" ".join(words[i:i + 18]) for i in range(0, len(words), 18)][:most]


def article(rng, text, domain):
    token = rng.randbytes(12).hex()
    link = f"https://{domain}/c/{token}?utm_source=newsletter&amp;utm_medium=email&amp;utm_campaign={rng.randrange(10**6)}"
    title = html.escape(text.strip().split("\n")[0][:50], quote=True)
    shown = sentences(text)
    body = "".join(f"{P}<span style=\"color:#333333\">{html.escape(s)}</span></p>\r\n" for s in shown)
    page = (ROW + OUTLOOK[0] + CELL.format(16)
            + f'<a href="{link}" target="_blank" style="text-decoration:none;color:#0b5fa5"><img src="cid:p{rng.randrange(3)}" width="552" height="276" '
            f'alt="{title}" style="display:block;border:0;outline:none;width:100%;max-width:552px;height:auto"></a>\r\n'
            f'<h2 style="margin:12px 0;padding:0;font-family:Georgia,serif;font-size:20px;line-height:26px;font-weight:normal;color:#111111">{title}</h2>\r\n'
            + body + '<table role="presentation" cellpadding="0" cellspacing="0" border="0" align="left" style="border-collapse:separate"><tr>'
            '<td align="center" bgcolor="#0b5fa5" style="border-radius:4px;background-color:#0b5fa5;padding:10px 18px">'
            f'<a href="{link}" target="_blank" style="display:inline-block;font-family:Arial,sans-serif;font-size:14px;color:#ffffff;text-decoration:none">'
            f'{rng.choice(["Részletek", "Read more"])}</a></td></tr></table>\r\n' + CELL.format(24) + OUTLOOK[1] + "</td></tr>\r\n")
    return page, "\n\n".join([html.unescape(title), *shown, html.unescape(link)])


def part(kind, content, encoding):
    if encoding == "base64":
        body = base64.encodebytes(content).replace(b"\n", b"\r\n")
    elif encoding == "quoted-printable":
        body = quopri.encodestring(content.replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n")
    else:
        body = content
    return f"Content-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}\r\n".encode(), body


def message(rng, samples, number):
    size = int(math.exp(rng.uniform(math.log(10_000), math.log(100_000))))
    language, subject, _ = samples[rng.randrange(len(samples))]
    domain = f"shop{number % 40}.test"
    wanted = size * 45 // 100
    plain, rows, length = [], [], 0
    same = [s for s in samples if s[0] == language]
    while length < wanted - 1500 or not rows:
        text = rng.choice(same)[2]
        page, words = article(rng, text, domain)
        plain.append(words)
        rows.append(page)
        length += len(page.encode())
    page = (HEAD.format(lang=language, subject=html.escape(subject)) + "".join(rows)
            + FOOT.format(sender=f"Shop {number % 40} Kft.", domain=domain, token=rng.randbytes(16).hex()))
    text = ("\n\n".join(plain) + f"\n\nhttps://{domain}/u/{rng.randbytes(16).hex()}\n").replace("\n", "\r\n")
    encoding = rng.choice(["quoted-printable", "quoted-printable", "base64", "8bit"])
    head, body = part("text/plain; charset=utf-8", text.encode(), encoding)
    head2, body2 = part("text/html; charset=utf-8", page.encode(), encoding)
    b1, b2 = f"r{number}", f"a{number}"
    out = [(f"From: Shop {number % 40} <news@{domain}>\r\nTo: <u{number}@d.test>\r\nSubject: =?utf-8?b?{base64.b64encode(subject.encode()).decode()}?=\r\n"
            f"Date: Thu, 26 Nov 2026 09:00:00 +0100\r\nMessage-ID: <{number}@{domain}>\r\nMIME-Version: 1.0\r\n"
            f"List-Unsubscribe: <https://{domain}/u/{number}>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
            f'Content-Type: multipart/related; boundary="{b1}"\r\n\r\n--{b1}\r\nContent-Type: multipart/alternative; boundary="{b2}"\r\n\r\n').encode()]
    for h, b in ((head, body), (head2, body2)):
        out += [f"--{b2}\r\n".encode(), h, b"\r\n", b, b"\r\n"]
    out.append(f"--{b2}--\r\n".encode())
    used = sum(map(len, out))
    pictures = max(1, min(3, (size - used) // 8000))
    for n in range(pictures):
        octets = max(600, (size - used) // pictures * 57 // 78)
        h, b = part("image/jpeg", b"\xff\xd8\xff\xe0" + rng.randbytes(octets), "base64")
        out += [f"--{b1}\r\nContent-ID: <p{n}>\r\n".encode(), h, b"\r\n", b, b"\r\n"]
    out.append(f"--{b1}--\r\n".encode())
    return b"".join(out)


def write_messages(samples_folder, folder, count, seed=1):
    samples = clean_samples(samples_folder)
    rng = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for n in range(count):
        (folder / f"{n:04}.eml").write_bytes(message(rng, samples, n))

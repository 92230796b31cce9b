"""Disguises of a whole text: files that come with a mail, made octet by octet. Each is text to message, as bytes."""
import base64
import gzip
import io
import tarfile
import zipfile
import zlib
from xml.sax.saxutils import escape

from letters import CYRILLIC, LEET_VOWELS, every_other, leet, without_accents
from wrappings import attached, crlf, in_html, letter, nested, parts, part, message

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
S = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
A = 'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
P = 'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"'
ODF = ('xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
       'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" '
       'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"')
XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'


def zipped(files, how=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", how) as z:
        for name, content in files.items():
            z.writestr(name, content)
    return out.getvalue()


def cut(text, size=5):
    """In runs that cut words, as word processors write what was edited or spell-checked."""
    return [text[i:i + size] for i in range(0, len(text), size)]


def ooxml(files):
    return zipped({"[Content_Types].xml": XML + '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
                   **{name: XML + content for name, content in files.items()}})


def docx_of(body, **more):
    return ooxml({"word/document.xml": f"<w:document {W}><w:body>{body}</w:body></w:document>"} | more)


def docx(text):
    return docx_of("<w:p>" + "".join(f'<w:r><w:t xml:space="preserve">{escape(t)}</w:t></w:r>' for t in cut(text)) + "</w:p>")


def docx_header(text):
    return ooxml({"word/document.xml": f"<w:document {W}><w:body><w:p><w:r><w:t>Tavaszi katalógus</w:t></w:r></w:p></w:body></w:document>",
                  "word/header1.xml": f"<w:hdr {W}><w:p><w:r><w:t>{escape(text)}</w:t></w:r></w:p></w:hdr>"})


def docx_vanished(text):
    return docx_of(f"<w:p><w:r><w:t>Tavaszi katalógus</w:t></w:r><w:r><w:rPr><w:vanish/></w:rPr><w:t>{escape(text)}</w:t></w:r></w:p>")


def xlsx(text):
    return ooxml({"xl/workbook.xml": f'<workbook {S}><sheets><sheet name="Lap" sheetId="1"/></sheets></workbook>',
                  "xl/worksheets/sheet1.xml": f'<worksheet {S}><sheetData><row r="1"><c r="A1" t="s"><v>0</v></c></row></sheetData></worksheet>',
                  "xl/sharedStrings.xml": f"<sst {S}><si>" + "".join(
                      f'<r><t xml:space="preserve">{escape(t)}</t></r>' for t in cut(text)) + "</si></sst>"})


def xlsx_inline(text):
    return ooxml({"xl/workbook.xml": f'<workbook {S}><sheets><sheet name="Lap" sheetId="1"/></sheets></workbook>',
                  "xl/worksheets/sheet1.xml": f'<worksheet {S}><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>{escape(text)}'
                                              "</t></is></c></row></sheetData></worksheet>"})


def pptx(text):
    runs = "".join(f"<a:r><a:t>{escape(t)}</a:t></a:r>" for t in cut(text))
    return ooxml({"ppt/presentation.xml": f"<p:presentation {P}/>",
                  "ppt/slides/slide1.xml": f"<p:sld {P} {A}><p:cSld><p:spTree><p:sp><p:txBody><a:p>{runs}</a:p></p:txBody></p:sp>"
                                           "</p:spTree></p:cSld></p:sld>"})


def odf(kind, body):
    return zipped({"mimetype": f"application/vnd.oasis.opendocument.{kind}",
                   "content.xml": f"{XML}<office:document-content {ODF}><office:body>{body}</office:body></office:document-content>",
                   "META-INF/manifest.xml": XML + '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>'})


def odt(text):
    spans = "".join(f"<text:span>{escape(t)}</text:span>" for t in cut(text))
    return odf("text", f"<office:text><text:p>{spans}</text:p></office:text>")


def ods(text):
    return odf("spreadsheet", "<office:spreadsheet><table:table><table:table-row><table:table-cell><text:p>"
               f"{escape(text)}</text:p></table:table-cell></table:table-row></table:table></office:spreadsheet>")


def pdf_objects(objects):
    out, table = b"%PDF-1.4\n", b"0000000000 65535 f \n"
    for number, content in enumerate(objects, 1):
        table += b"%010d 00000 n \n" % len(out)
        out += b"%d 0 obj" % number + content + b"endobj\n"
    return out + b"xref\n0 %d\n" % (len(objects) + 1) + table + (
        b"trailer<</Root 1 0 R/Size %d>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(out)))


def pdf_page(drawn, page=b"", catalog=b""):
    packed = zlib.compress(drawn)
    return pdf_objects([
        b"<</Type/Catalog/Pages 2 0 R" + catalog + b">>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 900 800]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>" + page + b">>",
        b"<</Filter/FlateDecode/Length %d>>stream\n" % len(packed) + packed + b"\nendstream",
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding<</BaseEncoding/WinAnsiEncoding/Differences"
        b"[245/ohungarumlaut 251/uhungarumlaut]>>>>"])


def pdf_text(text):
    octets = text.encode("cp1250", "replace")
    for sign in (b"\\", b"(", b")"):
        octets = octets.replace(sign, b"\\" + sign)
    return b"(" + octets + b")"


def pdf(text):
    return pdf_page(b"BT /F 9 Tf 20 700 Td " + pdf_text(text) + b" Tj ET")


def pdf_kerned(text):
    """Each letter for itself, moved a little, as typesetters do."""
    return pdf_page(b"BT /F 9 Tf 20 700 Td [" + b" -15 ".join(pdf_text(c) for c in text) + b"] TJ ET")


def pdf_placed(text):
    """Each word at a place of its own, lines below one another."""
    drawn, y = b"", 700
    for n, word in enumerate(text.split()):
        drawn += b"1 0 0 1 20 %d Tm " % (y - 12 * n) + pdf_text(word) + b" Tj "
    return pdf_page(b"BT /F 9 Tf " + drawn + b"ET")


def pdf_unseen(text):
    return pdf_page(b"BT /F 9 Tf 20 600 Td (Tavaszi katal\xF3gus) Tj 3 Tr 0 -20 Td " + pdf_text(text) + b" Tj ET")


def pdf_note(text):
    note = b"<" + (b"\xFE\xFF" + text.encode("utf-16-be")).hex().encode() + b">"
    return pdf_page(b"BT /F 9 Tf 20 600 Td (Tavaszi katal\xF3gus, a kert minden sz\xEDne) Tj ET",
                    b"/Annots[<</Type/Annot/Subtype/Text/Rect[9 9 20 20]/Contents " + note + b">>]")


def rtf(text):
    out = "".join(c if ord(c) < 0x80 and c not in "\\{}" else f"\\'{c.encode('cp1250', 'replace')[0]:02x}" for c in text)
    return (r"{\rtf1\ansi\ansicpg1250{\fonttbl{\f0 Arial;}}\f0 " + out + "}").encode("ascii")


def rtf_unicode(text):
    runs = r"}{\b0 ".join("".join(c if ord(c) < 0x80 else f"\\u{ord(c)}?" for c in run) for run in cut(text))
    return (r"{\rtf1\ansi\ansicpg1252\uc1 {\b0 " + runs + "}}").encode("ascii")


def calendar(text, field="DESCRIPTION"):
    value = text.replace("\\", "\\\\").replace(",", "\\,").replace(";", "\\;")
    line = f"{field}:{value}"
    folded = "\r\n ".join(cut(line, 30))
    return (f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1@a.example\r\nDTSTART:20261201T100000Z\r\n{folded}\r\n"
            "END:VEVENT\r\nEND:VCALENDAR\r\n").encode()


def card(text):
    value = text.replace(",", "\\,").replace(";", "\\;")
    return crlf(f"BEGIN:VCARD\nVERSION:3.0\nFN:Bolt\nNOTE:{value}\nEND:VCARD\n").encode()


def tarred(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as t:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            t.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def in_file(name, make, kind="application/octet-stream"):
    return lambda t: attached(name, make(t), kind)


OFFICE = "application/vnd.openxmlformats-officedocument."

DOCUMENTS = [
    ("PDF", in_file("a.pdf", pdf, "application/pdf")),
    ("PDF, letters moved", in_file("a.pdf", pdf_kerned, "application/pdf")),
    ("PDF, a line for each word", in_file("a.pdf", pdf_placed, "application/pdf")),
    ("PDF, unseen text", in_file("a.pdf", pdf_unseen, "application/pdf")),
    ("PDF, a note", in_file("a.pdf", pdf_note, "application/pdf")),
    ("DOCX", in_file("a.docx", docx, OFFICE + "wordprocessingml.document")),
    ("DOCX, its page header", in_file("a.docx", docx_header, OFFICE + "wordprocessingml.document")),
    ("DOCX, hidden text", in_file("a.docx", docx_vanished)),
    ("XLSX", in_file("a.xlsx", xlsx, OFFICE + "spreadsheetml.sheet")),
    ("XLSX, text in the cell", in_file("a.xlsx", xlsx_inline)),
    ("PPTX", in_file("a.pptx", pptx, OFFICE + "presentationml.presentation")),
    ("ODT", in_file("a.odt", odt, "application/vnd.oasis.opendocument.text")),
    ("ODS", in_file("a.ods", ods, "application/vnd.oasis.opendocument.spreadsheet")),
    ("RTF", in_file("a.rtf", rtf, "application/rtf")),
    ("RTF, Unicode in pieces", in_file("a.rtf", rtf_unicode, "text/rtf")),
    ("TXT, UTF-8", in_file("a.txt", str.encode, "text/plain")),
    ("TXT, windows-1250", in_file("a.txt", lambda t: t.encode("cp1250", "replace"), "text/plain")),
    ("TXT, UTF-16", in_file("a.txt", lambda t: t.encode("utf-16"), "text/plain")),
    ("TXT, as octets", in_file("a", str.encode)),
    ("CSV", in_file("a.csv", lambda t: ";".join(["1", f'"{t}"', "2"]).encode(), "text/csv")),
    ("HTML file", in_file("a.html", lambda t: f"<!DOCTYPE html><p>{escape(t)}</p>".encode(), "text/html")),
    ("ICS", in_file("a.ics", calendar, "text/calendar; charset=utf-8")),
    ("ICS, its title", in_file("a.ics", lambda t: calendar(t, "SUMMARY"), "text/calendar; charset=utf-8")),
    ("ICS as a part", lambda t: parts(part("text/plain", "Szia"), part("text/calendar; charset=utf-8; method=REQUEST",
                                                                     calendar(t)), kind="alternative")),
    ("VCF", in_file("a.vcf", card, "text/vcard")),
    ("EML file", in_file("a.eml", letter)),
    ("ZIP, a text", in_file("a.zip", lambda t: zipped({"a.txt": t.encode()}), "application/zip")),
    ("ZIP, not packed", in_file("a.zip", lambda t: zipped({"a.txt": t.encode()}, zipfile.ZIP_STORED))),
    ("ZIP, name of the file", in_file("a.zip", lambda t: zipped({t.replace("/", " ") + ".txt": b"Szia"}))),
    ("ZIP in ZIP, a text", in_file("a.zip", lambda t: zipped({"b.zip": zipped({"a.txt": t.encode()})}))),
    ("ZIP in ZIP, a DOCX", in_file("a.zip", lambda t: zipped({"b.zip": zipped({"a.docx": docx(t)})}))),
    ("ZIP in ZIP in ZIP, a PDF", in_file("a.zip", lambda t: zipped({"c.zip": zipped({"b.zip": zipped({"a.pdf": pdf(t)})})}))),
    ("ZIP, an EML with a DOCX", in_file("a.zip", lambda t: zipped({"a.eml": attached("a.docx", docx(t))}))),
    ("GZ", in_file("a.txt.gz", lambda t: gzip.compress(t.encode()), "application/gzip")),
    ("TAR.GZ", in_file("a.tar.gz", lambda t: gzip.compress(tarred({"a.txt": t.encode()})))),
    ("DOCX under another name", in_file("a.pdf", docx, "application/pdf")),
    ("nested message with a PDF", lambda t: nested(attached("a.pdf", pdf(t), "application/pdf"))),
    ("nested message, HTML, hidden", lambda t: nested(in_html(f'<p style="display:none">{escape(t)}</p>'))),
    ("Cyrillic and zero width in DOCX in ZIP", in_file("a.zip", lambda t: zipped(
        {"a.docx": docx(every_other("\u200b")(t.translate(CYRILLIC)))}))),
    ("leet in XLSX", in_file("a.xlsx", lambda t: xlsx(leet(LEET_VOWELS)(t)))),
    ("accents dropped, HTML tags, base64, windows-1250", lambda t: message(base64.encodebytes(
        "<p>".encode() + "<i></i>".join(cut(escape(without_accents(t)), 3)).encode("cp1250", "replace")).replace(b"\n", b"\r\n"),
        "text/html; charset=windows-1250", "base64")),
]

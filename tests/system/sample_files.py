"""Documents and archives for mail, made octet by octet."""
import email.message
import email.policy
import email.utils
import io
import zipfile

PLEA = "Online kaszinó, 100% befizetési bónusz!"  # S3 by itself: held wherever it stands


def zipped(files, encrypted=False):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        for name, content in files.items():
            z.writestr(name, content)
    data = bytearray(out.getvalue())
    if encrypted:  # the flags say so, and nobody can read on
        for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            at = data.find(mark)
            while at >= 0:
                data[at + flags] |= 1
                at = data.find(mark, at + 1)
    return bytes(data)


def docx(text):
    runs = "".join(f'<w:r><w:t xml:space="preserve">{text[i:i + 5]}</w:t></w:r>' for i in range(0, len(text), 5))
    return zipped({
        "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
        "word/document.xml": '<?xml version="1.0" encoding="UTF-8"?><w:document xmlns:w="http://schemas.openxmlformats.org/'
                             f'wordprocessingml/2006/main"><w:body><w:p>{runs}</w:p></w:body></w:document>'})


def pdf(text):
    drawn = b"BT /F 12 Tf 50 700 Td (" + text.encode("cp1250").replace(b"(", b"\\(").replace(b")", b"\\)") + b") Tj ET"
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>",
        b"<</Length %d>>stream\n" % len(drawn) + drawn + b"\nendstream",
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding<</BaseEncoding/WinAnsiEncoding/Differences"
        b"[245/ohungarumlaut 251/uhungarumlaut]>>>>"]
    out, table = b"%PDF-1.4\n", b"0000000000 65535 f \n"
    for number, content in enumerate(objects, 1):
        table += b"%010d 00000 n \n" % len(out)
        out += b"%d 0 obj" % number + content + b"endobj\n"
    return out + b"xref\n0 %d\n" % (len(objects) + 1) + table + (
        b"trailer<</Root 1 0 R/Size %d>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(out)))


def letter(to, name, content, type="application/octet-stream", domain="sender.test"):
    """A harmless letter with one attachment, as bytes with CRLF."""
    m = email.message.EmailMessage(policy=email.policy.SMTP)
    m["From"], m["To"], m["Subject"] = f"Acme News <news@{domain}>", to, "Tavaszi katalógus"
    m["Date"] = email.utils.localtime()
    m["Message-ID"] = email.utils.make_msgid(domain=domain)
    m.set_content("Kedves Olvasó!\nA tavaszi katalógust mellékeljük.\n\nUnsubscribe: https://news.sender.test/unsubscribe\n")
    main, sub = type.split("/")
    m.add_attachment(content, maintype=main, subtype=sub, filename=name)
    return m.as_bytes()

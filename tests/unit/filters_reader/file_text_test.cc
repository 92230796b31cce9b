// Each format: what a reader of the file sees is found, with its accents and its place.
#include "filters/reader/file_text.h"

#include <catch2/catch.hpp>

#include "tests/unit/filters_reader/sample_files.h"

using namespace consentry;
using namespace consentry::filters::reader;
using namespace consentry::tests;

namespace {

reading read(const std::string& bytes, const std::string& name = "", const std::string& type = "") {
  return read_file({.type = type, .name = name, .bytes = bytes, .limits = {}});
}

// Items as "path|text", titles as "path|#name", problems as "!path|why".
std::string shown(const reading& r) {
  std::string out;
  for (const auto& i : r.items)
    out += i.path + "|" + (i.kind == item_kind::title ? "#" : "") + i.text + "\n";
  for (const auto& u : r.unreadable) out += "!" + u.path + "|" + u.why + "\n";
  return out;
}

constexpr const char* hungarian = "Árvíztűrő tükörfúrógép, online kaszinó";
constexpr const char* hungarian_1250 =
    "\xC1rv\xEDzt\xFBr\xF5 t\xFCk\xF6rf\xFAr\xF3g\xE9p, online kaszin\xF3";

}  // namespace

TEST_CASE("text, CSV and HTML in any charset") {
  CHECK(shown(read(hungarian, "a.txt")) == "|" + std::string{hungarian} + "\n");
  CHECK(shown(read(hungarian_1250, "a.csv")) == "|" + std::string{hungarian} + "\n");
  CHECK(shown(read(std::string{"\xFF\xFEk\0a\0\x71\1", 8}, "a.txt")) == "|kaű\n");
  const auto html = read("<!DOCTYPE html><p>Szia</p>");
  REQUIRE(html.items.size() == 1);
  CHECK(html.items[0].kind == item_kind::html);
  CHECK(read("<p>Szia</p>", "a.htm").items.at(0).kind == item_kind::html);
  CHECK(shown(read(std::string{"\0\1\2\3\4\5", 6}, "x.bin")) ==
        "!|is octets of an unknown format, which is not read\n");
}

TEST_CASE("DOCX: runs join, paragraphs part, and what stands beside the text is read") {
  CHECK(shown(read(docx_saying(hungarian), "a.docx")) == "|" + std::string{hungarian} + "\n\n");
  const auto r = shown(read(docx(
      "<w:p><w:r><w:t>egy</w:t></w:r></w:p><w:p><w:r><w:t>ket</w:t></w:r><w:r><w:tab/></w:r>"
      "<w:r><w:t>to</w:t></w:r><w:r><w:sym w:font=\"Symbol\" w:char=\"F041\"/></w:r></w:p>"
      "<w:drawing><wp:positionH><wp:posOffset>1234</wp:posOffset></wp:positionH>"
      "<wp:docPr descr=\"képaláírás\"/></w:drawing><w:r><w:instrText>HYPERLINK "
      "\"http://a.example/\"</w:instrText></w:r>",
      {{"word/footer1.xml", "<w:ftr><w:p><w:t>lábléc</w:t></w:p></w:ftr>"},
       {"word/_rels/document.xml.rels",
        "<Relationships><Relationship TargetMode=\"External\" Target=\"https://b.example/\"/>"
        "<Relationship Target=\"styles.xml\"/></Relationships>"},
       {"docProps/core.xml", "<cp:coreProperties><dc:title>Cím</dc:title></cp:coreProperties>"}})));
  for (const char* part : {"egy\nket toA\n", "képaláírás\n", "http://a.example/", "lábléc\n",
                           "https://b.example/\n", "Cím\n"})
    CHECK_THAT(r, Catch::Contains(part));
  CHECK_THAT(r, !Catch::Contains("1234") && !Catch::Contains("styles.xml"));
}

TEST_CASE("what stands in the midst of a word and is shown elsewhere does not cut it") {
  CHECK_THAT(
      shown(read(docx(
          "<w:p><w:r><w:t>ka</w:t></w:r><w:r><w:instrText>PAGE </w:instrText></w:r>"
          "<w:r><w:rPr><w:vanish/></w:rPr><w:t>rejtett</w:t></w:r><w:r><w:t>sz</w:t></w:r>"
          "<w:del><w:r><w:delText>torolt</w:delText></w:r></w:del><w:r><w:pict>"
          "<w:txbxContent><w:p><w:r><w:t>doboz</w:t></w:r></w:p></w:txbxContent>"
          "</w:pict></w:r><w:r><w:rPr><w:vanish w:val=\"0\"/></w:rPr><w:t>inó</w:t></w:r></w:p>"))),
      Catch::Contains("|kaszinó\n") && Catch::Contains("rejtett") && Catch::Contains("torolt") &&
          Catch::Contains("doboz"));
  CHECK_THAT(
      shown(read(odf("text",
                     "<text:p>ka<office:annotation><dc:creator>N</dc:creator><text:p>"
                     "megjegyzés</text:p></office:annotation>szi<text:note><text:note-body>"
                     "<text:p>láb</text:p></text:note-body></text:note>nó</text:p>"))),
      Catch::Contains("|kaszinó\n") && Catch::Contains("megjegyzés") && Catch::Contains("láb"));
}

TEST_CASE("XLSX: cells show their strings in the order of the sheet") {
  const auto r = shown(
      read(xlsx("<si><t>kaszinó</t></si><si><r><t>on</t></r><r><t>line</t></r></si><si><t>rejtett</"
                "t></si>",
                "<row><c t=\"s\"><v>1</v></c><c t=\"s\"><v>0</v></c></row><row><c><v>42</v></c>"
                "<c t=\"inlineStr\"><is><t>itt áll</t></is></c></row>"),
           "a.xlsx"));
  CHECK_THAT(r, Catch::Contains("online\n kaszinó\n"));
  CHECK_THAT(r, Catch::Contains("42\n itt áll"));
  CHECK_THAT(r, Catch::Contains("rejtett"));
  CHECK_THAT(r, Catch::Contains("Munka lap"));
}

TEST_CASE("PPTX, ODT and ODS") {
  CHECK_THAT(shown(read(zip({{"[Content_Types].xml", "<Types/>"},
                             {"ppt/slides/slide1.xml",
                              "<p:sld><a:p><a:r><a:t>Online kasz</a:t></a:r><a:r><a:t>inó</a:t></"
                              "a:r></a:p></p:sld>"}}),
                        "a.pptx")),
             Catch::Contains("Online kaszinó\n"));
  CHECK_THAT(shown(read(odf("text",
                            "<text:p>Online <text:span>kasz</text:span>inó<text:s/>vár"
                            "</text:p><text:p>más</text:p>"),
                        "a.odt")),
             Catch::Contains("|Online kaszinó vár\nmás\n"));
  CHECK_THAT(shown(read(odf("spreadsheet",
                            "<table:table table:name=\"Ő\"><table:table-row><table:table-cell>"
                            "<text:p>ár</text:p></table:table-cell></table:table-row></"
                            "table:table>"),
                        "a.ods")),
             Catch::Contains("ár\n") && Catch::Contains("Ő\n"));
}

TEST_CASE("a document of one file of XML is read as such") {
  const auto r =
      shown(read("<?xml version=\"1.0\"?><w:wordDocument><w:p><w:r><w:t>Online kasz</w:t></"
                 "w:r><w:r><w:t>inó</w:t></w:r></w:p></w:wordDocument>",
                 "a.doc"));
  CHECK_THAT(r, Catch::Contains("|Online kaszinó\n") && !Catch::Contains("!"));
  CHECK_THAT(shown(read("<?xml version=\"1.0\"?><a>kaszinó", "a.xml")), Catch::Contains("kaszinó"));
}

TEST_CASE("documents that cannot be read say so") {
  CHECK_THAT(shown(read(zip({{"mimetype", "application/vnd.oasis.opendocument.text"},
                             {"META-INF/manifest.xml",
                              "<manifest:manifest><manifest:encryption-data/></manifest:manifest>"},
                             {"content.xml", "\x8f\x01\x02"}}))),
             Catch::Contains("!|is encrypted"));
  CHECK_THAT(shown(read(docx("<w:p/>", {{"word/media/image1.png", "\x89PNG\r\n\x1a\nxxxx"}}))),
             Catch::Contains("!|holds pictures only"));
  // What the program says of itself is no text of the document.
  const std::string png = "\x89PNG\r\n\x1a\nxxxx";
  const std::string meta =
      "<office:document-meta><meta:generator>LibreOffice/7.4.7.2$Linux_X86_64"
      "</meta:generator></office:document-meta>";
  const auto scan = [&](const std::string& content, const char* picture) {
    return shown(read(zip(
        {{"mimetype", "application/vnd.oasis.opendocument.text"},
         {"meta.xml", meta},
         {picture, png},
         {"content.xml", "<office:document-content>" + content + "</office:document-content>"}})));
  };
  CHECK_THAT(scan("", "Pictures/1.png"), Catch::Contains("!|holds pictures only"));
  CHECK_THAT(scan("", "Thumbnails/thumbnail.png"), !Catch::Contains("!"));
  CHECK_THAT(scan("<text:p>1 234 567 890 123</text:p>", "Pictures/1.png"), !Catch::Contains("!"));
  CHECK_THAT(shown(read(docx("<w:p><w:t>x</w:t>", {}))), Catch::Contains("!|is broken"));
  CHECK_THAT(shown(read(docx("<w:p/>", {{"word/vbaProject.bin", "x\0y"}}))),
             Catch::Contains("!|holds macros"));
  CHECK_THAT(shown(read("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1 rest", "a.doc")),
             Catch::Contains("!|is an office document, which is not read"));
  CHECK_THAT(shown(read("Rar!\x1a\x07 rest", "a.rar")), Catch::Contains("!|is an archive"));
  CHECK_THAT(shown(read("\x78\x9F\x3E\x22 rest", "winmail.dat")),
             Catch::Contains("!|is a winmail.dat"));
  CHECK_THAT(shown(read(zip({{"a.txt", "titok", true}}))), Catch::Contains("!|is encrypted"));
  CHECK_THAT(shown(read(zip({{"a.txt", "x"}}).substr(0, 40))), Catch::Contains("!|is broken off"));
}

TEST_CASE("PDF: text, links, notes, title and files in it") {
  const auto r = shown(read(pdf_saying(
      hungarian_1250, "/Names<</EmbeddedFiles<</Names[(a.txt) 8 0 R]>>>>", "/Annots[6 0 R 7 0 R]",
      {"<</Type/Annot/Subtype/Link/Rect[0 0 9 9]/A<</S/URI/URI(https://link.example/x)>>>>",
       "<</Type/Annot/Subtype/Text/Rect[0 0 9 9]/Contents(jegyzet a lapon)>>",
       "<</Type/Filespec/F(a.txt)/EF<</F 9 0 R>>>>", pdf_stream("mellékelt szöveg")})));
  CHECK_THAT(r, Catch::Contains(hungarian));
  CHECK_THAT(r, Catch::Contains("https://link.example/x"));
  CHECK_THAT(r, Catch::Contains("jegyzet a lapon"));
  CHECK_THAT(r, Catch::Contains("a.txt|mellékelt szöveg"));
  CHECK_THAT(r, !Catch::Contains("!"));
}

TEST_CASE("PDF: what forms and free notes show") {
  const auto r = shown(read(pdf_saying(
      "Ez az oldal szövege",
      "/AcroForm<</Fields[6 0 R]/NeedAppearances true/DA(/F 12 Tf)/DR<</Font<</F 5 0 R>>>>>>",
      "/Annots[6 0 R 7 0 R]",
      {"<</Type/Annot/Subtype/Widget/FT/Tx/T(a)/V(beirt szoveg)/Rect[50 600 300 620]/DA(/F 12 "
       "Tf)>>",
       "<</Type/Annot/Subtype/FreeText/Contents(szabad szoveg)/Rect[50 500 300 520]/DA(/F 12 "
       "Tf)>>"})));
  CHECK_THAT(r, Catch::Contains("beirt szoveg") && Catch::Contains("szabad szoveg"));
}

TEST_CASE("PDF that cannot be read says so") {
  CHECK_THAT(shown(read(pdf_saying(""))), Catch::Contains("!|has 1 pages without text of 1"));
  CHECK_THAT(shown(read("%PDF-1.4\nnothing")), Catch::Contains("!|is broken"));
  const auto encrypted =
      pdf({"<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[3 0 R]/Count 1>>",
           "<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>",
           "<</Filter/Standard/V 1/R 2/O(" + std::string(32, 'o') + ")/U(" + std::string(32, 'u') +
               ")/P -4>>"},
          "/Encrypt 4 0 R/ID[(aaaaaaaaaaaaaaaa)(aaaaaaaaaaaaaaaa)]");
  CHECK_THAT(shown(read(encrypted)), Catch::Contains("!|is encrypted"));
  // Glyphs by number, and no table that tells their letters: the eye may see other words.
  const auto page = std::vector<std::string>{
      "<</Type/Catalog/Pages 2 0 R>>",
      "<</Type/Pages/Kids[3 0 R]/Count 1>>",
      "<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R/Resources<</Font<</F 5 0 "
      "R>>>>>>",
      pdf_stream(
          "BT /F 12 Tf 50 700 Td <0041004200430044004500460047004800490050005100520053> Tj ET"),
      "<</Type/Font/Subtype/Type0/BaseFont/X/Encoding/Identity-H/DescendantFonts[6 0 R]>>",
      "<</Type/Font/Subtype/CIDFontType2/BaseFont/X/CIDSystemInfo<</Registry(Adobe)/Ordering"
      "(Identity)/Supplement 0>>/FontDescriptor<</Type/FontDescriptor/FontName/X/Flags 4>>>>"};
  CHECK_THAT(shown(read(pdf(page))), Catch::Contains("!|writes in letters that cannot be told"));
  // Pages that lead back to themselves.
  const auto loop = shown(read(
      pdf({"<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[2 0 R 2 0 R]/Count 999999>>"})));
  CHECK_THAT(loop, Catch::Contains("!|"));
}

TEST_CASE("RTF: code pages, Unicode, links; objects are refused") {
  CHECK(shown(read("{\\rtf1\\ansi\\ansicpg1250{\\fonttbl{\\f0\\fcharset238 Arial;}}"
                   "{\\stylesheet{\\s1 Cimsor;}}\\f0 Online kaszin\\'f3\\par \\u337?\\u369?r"
                   "{\\*\\generator Word;}{\\b v\\'e1}r\\tab x\\~y}",
                   "a.rtf")) == "|Online kaszinó\nőűrvár x y\n");
  CHECK_THAT(shown(read("{\\rtf1{\\field{\\*\\fldinst HYPERLINK \"http://a.example/\"}"
                        "{\\fldrslt kattints}}}")),
             Catch::Contains("http://a.example/") && Catch::Contains("|kattints\n"));
  CHECK(shown(read("{\\rtf1{\\info{\\title Cim}{\\author Nev}}kasz{\\footnote jegyzet}{\\v x}in{\\*"
                   "\\annotation megjegyzes}o}")) ==
        "|kaszino\nCim\nNev\njegyzet\nxmegjegyzes\n\n");
  CHECK(shown(read("{\\rt szoveg}", "a.doc")) == "|szoveg\n");
  CHECK_THAT(shown(read("{\\rtf1 x{\\object{\\*\\objdata 0105}}}")),
             Catch::Contains("!|holds an embedded object"));
  CHECK_THAT(shown(read("{\\rtf1{\\info{\\title A title of letters}}{\\pict 89504e47}}")),
             Catch::Contains("!|holds pictures only"));
  CHECK_THAT(shown(read("{\\rtf1 x")), Catch::Contains("!|is broken off"));
}

TEST_CASE("calendars and cards are unfolded and unescaped") {
  const std::string calendar =
      "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY;LANGUAGE=hu:Online kas\r\n zinó\\, nyitás\r\n"
      "DESCRIPTION:Első sor\\nMásodik; és\r\n\t utolsó\r\nLOCATION;ALTREP=\"cid:x:y\":Győr\r\n"
      "ATTACH;ENCODING=BASE64;VALUE=BINARY:U3ppYSB2aWzDoWc=\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
  const auto r = shown(read(calendar, "a.ics", "text/calendar"));
  CHECK_THAT(r, Catch::Contains("Online kaszinó, nyitás\n"));
  CHECK_THAT(r, Catch::Contains("Első sor\nMásodik; és utolsó\n"));
  CHECK_THAT(r, Catch::Contains("\nGyőr\n"));
  CHECK_THAT(r, Catch::Contains("attached|Szia világ"));
  CHECK_THAT(
      shown(read("BEGIN:VCARD\r\nNOTE;CHARSET=ISO-8859-2;ENCODING=QUOTED-PRINTABLE:t=F5ke =\r\n"
                 "b=FBv=F6let\r\nEND:VCARD\r\n")),
      Catch::Contains("tőke bűvölet"));
}

TEST_CASE("archives in archives, messages in them, uuencoded files, each with its place") {
  const auto inner = zip({{"ajánlat.docx", docx_saying("Online kaszinó")}});
  CHECK(shown(read(zip({{"belso.zip", inner}, {"mappa/a.txt", "szöveg"}}), "k.zip")) ==
        "belso.zip|#belso.zip\nbelso.zip/ajánlat.docx|#ajánlat.docx\n"
        "belso.zip/ajánlat.docx|Online kaszinó\n\nmappa/a.txt|#mappa/a.txt\nmappa/a.txt|szöveg\n");
  CHECK(shown(read(gzip("tömörített szöveg"), "a.gz")) == "|tömörített szöveg\n");
  const auto mail =
      shown(read(zip({{"level.eml",
                       "Subject: =?utf-8?B?bMOhdHRhZA==?=\nFrom: a@b.example\n"
                       "Content-Type: text/plain; charset=iso-8859-2\n\nt\xFBr\xF5\n"}})));
  CHECK_THAT(mail, Catch::Contains("level.eml|#láttad") && Catch::Contains("tűrő"));
  CHECK_THAT(shown(read("Szia\nbegin 644 x.txt\n+:&5L;&\\@=V]R;&0`\n`\nend\n", "a.txt")),
             Catch::Contains("x.txt|#x.txt") && Catch::Contains("x.txt|hello world"));
}

TEST_CASE("a name or a label that lies is told, and the content read all the same") {
  const std::pair<std::pair<const char*, const char*>, const char*> lies[] = {
      {{"kep.jpg", "image/jpeg"}, "!|is labelled image/jpeg, but holds a PDF document"},
      {{"a.zip", ""}, "!|is named a.zip, but holds a PDF document"},
      {{"a.txt", "application/pdf"}, "!|is named a.txt, but holds a PDF document"},
  };
  for (const auto& [claims, says] : lies) {
    const auto r = shown(read(pdf_saying("Online kaszin\xF3, itt"), claims.first, claims.second));
    CHECK_THAT(r, Catch::Contains(says));
    CHECK_THAT(r, Catch::Contains("Online kaszinó"));
  }
  CHECK_THAT(shown(read(zip({{"a.txt", "szöveg"}}), "a.pdf")), Catch::Contains("!|is named a.pdf"));
  CHECK_THAT(shown(read("plain text", "a.pdf")), Catch::Contains("!|is named a.pdf"));
  // Programs look at the content of these themselves.
  for (const char* name : {"a.doc", "a.xls", "a"})
    CHECK_THAT(shown(read("{\\rtf1 x}", name)), !Catch::Contains("!"));
}

#include "filters/reader/pdf_text.h"

#include <poppler/Annot.h>
#include <poppler/Catalog.h>
#include <poppler/ErrorCodes.h>
#include <poppler/FileSpec.h>
#include <poppler/Form.h>
#include <poppler/GfxFont.h>
#include <poppler/GfxState.h>
#include <poppler/GlobalParams.h>
#include <poppler/Link.h>
#include <poppler/Outline.h>
#include <poppler/PDFDoc.h>
#include <poppler/Page.h>
#include <poppler/TextOutputDev.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "base/text.h"
#include "filters/reader/letter_count.h"
#include "smtp/mime/header_text.h"

namespace consentry::filters::reader {
namespace {

constexpr std::size_t letters_of_a_page = 12;
constexpr std::size_t head_octets_max = 1024;  // where readers look for it
constexpr int bookmarks_max = 5'000;
constexpr int pages_max = 5'000;
constexpr double resolution = 72;

// Texts outside of pages are UTF-16 with a mark, or nearly Latin-1 (ISO 32000-1, 7.9.2.2).
std::string utf8(const GooString* s) {
  if (s == nullptr) return {};
  const std::string& raw = s->toStr();
  std::string label = raw.starts_with("\xFE\xFF")   ? "utf-16be"
                      : raw.starts_with("\xFF\xFE") ? "utf-16le"
                                                    : "windows-1252";
  return smtp::mime::to_utf8(raw, label);
}

// Out of poppler no exception may fly: it only notes that it is too much.
struct page_text {
  std::string text;
  std::uint64_t octets_max = 0;
  const read_context* context = nullptr;
  bool is_too_much = false;
};

void on_text(void* sink, const char* text, int length) {
  auto& p = *static_cast<page_text*>(sink);
  if (p.text.size() + static_cast<std::size_t>(length) > p.octets_max) {
    p.is_too_much = true;
  } else {
    p.text.append(text, static_cast<std::size_t>(length));
  }
}

bool is_to_stop(void* sink) {
  const auto& p = *static_cast<page_text*>(sink);
  return p.is_too_much || p.context->is_late();
}

// Numbers of glyphs are letters only by a table in the font; without one poppler guesses, and the
// eye may see other words.
bool tells_its_letters(const GfxFont& font) {
  const bool needs_table = font.isCIDFont() || font.getType() == fontType3;
  return !needs_table || font.hasToUnicodeCMap();
}

class page_output final : public TextOutputDev {
 public:
  explicit page_output(page_text& sink) : TextOutputDev{on_text, &sink, false, 0, false} {}

  void updateFont(GfxState* state) override {
    const auto& font = state->getFont();
    if (font && !tells_its_letters(*font)) is_guessed = true;
    TextOutputDev::updateFont(state);
  }

  bool is_guessed = false;
};

class reading_pdf {
 public:
  reading_pdf(PDFDoc& document, const std::string& path, read_context& context,
              const std::function<void(std::string, std::string)>& nested)
      : document_{document}, path_{path}, context_{context}, nested_{nested} {}

  void run() {
    const int pages = document_.getNumPages();
    if (pages <= 0) return context_.refuse(path_, "has no pages that can be read");
    if (pages > pages_max) context_.refuse(path_, "has more pages than are read");
    if (document_.getCatalog()->getFormType() == Catalog::XfaForm)
      context_.refuse(path_, "is a form that only its own program shows");
    for (const char* key : {"Title", "Subject", "Keywords", "Author"})
      line(utf8(document_.getDocInfoStringEntry(key).get()));
    for (int n = 1; n <= std::min(pages, pages_max); ++n) page(n);
    if (empty_pages_ * 2 > pages)
      context_.refuse(path_, "has " + std::to_string(empty_pages_) + " pages without text of " +
                                 std::to_string(pages));
    if (is_garbled()) context_.refuse(path_, "writes in letters that cannot be told");
    bookmarks();
    context_.add(item_kind::text, path_, std::move(text_));
    embedded_files();
  }

 private:
  void line(const std::string& s) {
    if (!s.empty()) text_ += s + '\n';
  }

  void page(int n) {
    context_.look_at_clock();
    page_text found{
        {}, context_.left() - std::min(context_.left(), text_.size()), &context_, false};
    {
      page_output out{found};
      document_.displayPage(&out, n, resolution, resolution, 0, true, false, false, is_to_stop,
                            &found);
      is_guessed_ = is_guessed_ || out.is_guessed;
    }
    text_ += found.text;
    context_.look_at_clock();
    if (found.is_too_much) throw reading_stopped{"holds more text than is read"};
    if (count_letters(found.text) < letters_of_a_page) ++empty_pages_;
    annotations(n);
  }

  void annotations(int n) {
    Page* page = document_.getPage(n);
    if (page == nullptr) return;
    if (const auto links = page->getLinks())
      for (AnnotLink* l : links->getLinks()) link(l->getAction());
    Annots* notes = page->getAnnots();
    if (notes == nullptr) return;
    for (Annot* a : notes->getAnnots()) {
      line(utf8(a->getContents()));
      if (a->getType() == Annot::typeFileAttachment)
        file(static_cast<AnnotFileAttachment*>(a)->getFile());
    }
  }

  void link(const LinkAction* action) {
    if (action != nullptr && action->getKind() == actionURI)
      line(to_valid_utf8(static_cast<const LinkURI*>(action)->getURI()));
  }

  void file(const Object* specification) {
    FileSpec spec{specification};
    take(spec);
  }

  void take(FileSpec& spec) {
    EmbFile* file = spec.isOk() ? spec.getEmbeddedFile() : nullptr;
    Stream* stream = file == nullptr ? nullptr : file->stream();
    if (stream == nullptr) return;
    context_.count_entry();
    std::string bytes;
    stream->reset();
    for (int c = stream->getChar(); c != EOF; c = stream->getChar()) {
      bytes += static_cast<char>(c);
      if (bytes.size() > context_.left()) throw reading_stopped{"holds more than is read"};
    }
    stream->close();
    context_.use(bytes.size());
    line(utf8(spec.getDescription()));
    files_.emplace_back(utf8(spec.getFileName()), std::move(bytes));
  }

  void embedded_files() {
    const int count = document_.getCatalog()->numEmbeddedFiles();
    for (int i = 0; i < count; ++i) {
      const auto spec = document_.getCatalog()->embeddedFile(i);
      if (spec) take(*spec);
    }
    for (auto& [name, bytes] : files_) nested_(std::move(name), std::move(bytes));
  }

  void bookmarks() {
    Outline* outline = document_.getOutline();
    if (outline == nullptr || outline->getItems() == nullptr) return;
    std::vector<OutlineItem*> open{outline->getItems()->rbegin(), outline->getItems()->rend()};
    for (int n = 0; !open.empty() && n < bookmarks_max; ++n) {
      OutlineItem* item = open.back();
      open.pop_back();
      const auto octets = static_cast<std::size_t>(item->getTitleLength()) * sizeof(Unicode);
      std::string label = "utf-32le";
      line(smtp::mime::to_utf8({reinterpret_cast<const char*>(item->getTitle()), octets}, label));
      link(item->getAction());
      item->open();
      if (item->hasKids() && item->getKids() != nullptr)
        open.insert(open.end(), item->getKids()->rbegin(), item->getKids()->rend());
    }
  }

  // Fonts that do not say which letters their glyphs are give control and private characters.
  bool is_garbled() const {
    if (is_guessed_) return true;
    std::size_t odd = 0;
    for (std::size_t i = 0; i < text_.size(); ++i) {
      const auto u = static_cast<unsigned char>(text_[i]);
      const auto next = i + 1 < text_.size() ? static_cast<unsigned char>(text_[i + 1]) : 0u;
      odd += (u < 0x20 && u != '\n' && u != '\r' && u != '\t' && u != '\f') || u == 0x7F ||
             u == 0xEE || (u == 0xEF && (next < 0xA4 || next == 0xBF));
    }
    return odd * 5 > count_letters(text_);
  }

  PDFDoc& document_;
  const std::string& path_;
  read_context& context_;
  const std::function<void(std::string, std::string)>& nested_;
  std::string text_;
  int empty_pages_ = 0;
  bool is_guessed_ = false;
  std::vector<std::pair<std::string, std::string>> files_;
};

}  // namespace

void prepare_pdf() {
  if (globalParams) return;
  globalParams = std::make_unique<GlobalParams>();
  globalParams->setErrQuiet(true);
  globalParams->setTextEncoding("UTF-8");
}

void read_pdf(std::string_view bytes, const std::string& path, read_context& context,
              const std::function<void(std::string, std::string)>& nested) {
  prepare_pdf();
  const auto head = bytes.find("%PDF-");
  if (head < head_octets_max) bytes.remove_prefix(head);
  auto* stream =
      new MemStream(bytes.data(), 0, static_cast<Goffset>(bytes.size()), Object(objNull));
  PDFDoc document{stream};  // owns the stream
  if (!document.isOk()) {
    const bool is_locked = document.getErrorCode() == errEncrypted;
    return context.refuse(path, is_locked ? "is encrypted" : "is broken");
  }
  reading_pdf{document, path, context, nested}.run();
}

}  // namespace consentry::filters::reader

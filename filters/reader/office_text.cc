#include "filters/reader/office_text.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "filters/reader/markup_text.h"

namespace consentry::filters::reader {
namespace {

// Some words below pictures are no text of a document.
constexpr std::size_t letters_of_a_document = 12;

bool is_markup(std::string_view bytes) {
  if (bytes.starts_with("\xEF\xBB\xBF")) bytes.remove_prefix(3);
  const bool is_wide = bytes.starts_with("\xFF\xFE") || bytes.starts_with("\xFE\xFF");
  const auto start = trim(bytes.substr(0, 64));
  return is_wide || start.starts_with('<');
}

// Of no text, and no program shows them: fonts, settings of a printer.
bool is_silent(const archived_file& f) {
  const auto name = ascii_lower(f.name);
  if (name.find("/printersettings") != std::string::npos) return true;
  return name.ends_with(".odttf") || name.ends_with(".ttf") || name.ends_with(".fntdata") ||
         name.ends_with(".otf");
}

// Says something of the document, its look or its program, and nothing on its pages.
bool is_about(std::string_view name) {
  for (const std::string_view folder :
       {"docProps/", "META-INF/", "Configurations2/", "Thumbnails/", "ppt/slideMasters/",
        "ppt/slideLayouts/", "ppt/notesMasters/", "ppt/handoutMasters/"})
    if (name.starts_with(folder)) return true;
  return name == "meta.xml" || name == "settings.xml" || name == "styles.xml" ||
         name.ends_with(".rels") || name.ends_with("/styles.xml");
}

bool is_macro(const archived_file& f) {
  const auto name = ascii_lower(f.name);
  return name.ends_with("vbaproject.bin") || name.find("/activex") != std::string::npos;
}

class package {
 public:
  package(std::vector<archived_file>& files, std::string path, read_context& context)
      : files_{files}, path_{std::move(path)}, context_{context} {}

  void read(const std::function<void(archived_file&)>& nested) {
    for (auto& f : files_)
      if (is_markup(f.bytes)) strings_of(f);
    used_.resize(strings_.size());
    for (auto& f : files_) one(f, nested);
    for (std::size_t i = 0; i < strings_.size(); ++i)
      if (!used_[i]) text_ += strings_[i] + '\n';
    if (is_encrypted_) context_.refuse(path_, "is encrypted");
    if (!problem_.empty()) context_.refuse(path_, problem_);
    if (pictures_ > 0 && letters_ < letters_of_a_document)
      context_.refuse(path_, "holds pictures only");
    context_.add(item_kind::text, path_, std::move(text_));
  }

 private:
  // Cells refer to the table of strings, which may stand behind them.
  void strings_of(archived_file& f) {
    if (f.bytes.find("sst") == std::string::npos) return;
    auto m = text_of_markup(f.bytes, context_.left());
    if (m.root != "sst") return;
    note(m);
    strings_.insert(strings_.end(), m.strings.begin(), m.strings.end());
    f.bytes.clear();
  }

  void one(archived_file& f, const std::function<void(archived_file&)>& nested) {
    context_.look_at_clock();
    if (f.is_picture) {
      pictures_ += is_about(f.name) ? 0 : 1;
    } else if (is_markup(f.bytes)) {
      auto m = text_of_markup(f.bytes, context_.left(), strings_, &used_);
      note(m);
      // What cells show is held twice and more: each time counts.
      context_.use(m.text.size());
      text_ += m.text;
      letters_ += is_about(f.name) ? 0 : m.letters;
      f.bytes = {};
    } else if (is_macro(f)) {
      context_.refuse(path_, "holds macros");
    } else if (!f.bytes.empty() && !is_silent(f) && f.name != "mimetype") {
      nested(f);
    }
  }

  void note(const markup_text& m) {
    is_encrypted_ = is_encrypted_ || m.is_encrypted;
    if (problem_.empty()) problem_ = m.problem;
  }

  std::vector<archived_file>& files_;
  std::string path_;
  read_context& context_;
  std::vector<std::string> strings_;
  std::vector<bool> used_;
  std::string text_;
  std::string problem_;
  std::size_t pictures_ = 0;
  std::size_t letters_ = 0;
  bool is_encrypted_ = false;
};

}  // namespace

bool is_office_package(const std::vector<archived_file>& files) {
  return std::any_of(files.begin(), files.end(), [](const archived_file& f) {
    return f.name == "[Content_Types].xml" || f.name == "_rels/.rels" ||
           (f.name == "mimetype" && f.bytes.starts_with("application/vnd.oasis.opendocument."));
  });
}

void read_office_package(std::vector<archived_file>& files, const std::string& path,
                         read_context& context, const std::function<void(archived_file&)>& nested) {
  package{files, path, context}.read(nested);
}

}  // namespace consentry::filters::reader

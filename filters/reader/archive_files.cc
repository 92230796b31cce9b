#include "filters/reader/archive_files.h"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>
#include <locale.h>

#include <array>
#include <memory>

#include "base/text.h"
#include "filters/reader/zip_directory.h"
#include "smtp/mime/header_text.h"

namespace consentry::filters::reader {
namespace {

// Small files of little content pack better than any bomb's threshold: a ratio says nothing there.
constexpr std::uint64_t ratio_from_octets = 1u << 20;
constexpr std::size_t head_octets = 4096;

// libarchive turns names into the locale's charset.
locale_t utf8_locale() {
  static const locale_t loaded = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  return loaded;
}
class utf8_names {
 public:
  utf8_names() : before_{::uselocale(utf8_locale())} {}
  ~utf8_names() { ::uselocale(before_); }
  utf8_names(const utf8_names&) = delete;
  utf8_names& operator=(const utf8_names&) = delete;

 private:
  locale_t before_;
};

struct archive_closer {
  void operator()(archive* a) const noexcept { archive_read_free(a); }
};
using open_archive = std::unique_ptr<archive, archive_closer>;

open_archive open(std::string_view bytes, file_kind kind) {
  open_archive a{archive_read_new()};
  if (!a) throw std::bad_alloc{};
  switch (kind) {
    case file_kind::zip:
      archive_read_support_format_zip_seekable(a.get());
      break;
    case file_kind::tar:
      archive_read_support_format_tar(a.get());
      break;
    default:
      archive_read_support_filter_gzip(a.get());
      archive_read_support_format_raw(a.get());
  }
  if (archive_read_open_memory(a.get(), bytes.data(), bytes.size()) != ARCHIVE_OK) return nullptr;
  return a;
}

// Names without the UTF-8 flag are in the code page of the writer's DOS window.
std::string utf8_name(archive_entry* entry) {
  const char* utf8 = archive_entry_pathname_utf8(entry);
  if (utf8 != nullptr && is_valid_utf8(utf8)) return utf8;
  const char* raw = archive_entry_pathname(entry);
  if (raw == nullptr) return "?";
  if (is_valid_utf8(raw)) return raw;
  std::string label = "ibm-852";
  return smtp::mime::to_utf8(raw, label);
}

class unpacking {
 public:
  unpacking(archive* a, std::size_t packed, read_context& context)
      : archive_{a}, packed_{packed}, context_{context} {}

  // Empty: read to its end.
  std::string read(archived_file& file) {
    std::array<char, 64 * 1024> block;
    for (;;) {
      const auto got = archive_read_data(archive_, block.data(), block.size());
      if (got == 0) return {};
      if (got < 0) return "is broken";
      const std::string_view octets{block.data(), static_cast<std::size_t>(got)};
      if (file.bytes.empty() &&
          kind_of_content(octets.substr(0, head_octets)) == file_kind::image) {
        file.is_picture = true;
        file.bytes = octets.substr(0, head_octets);
        return {};
      }
      context_.use(octets.size());
      count(octets.size());
      file.bytes.append(octets);
    }
  }

 private:
  void count(std::uint64_t octets) {
    unpacked_ += octets;
    if (unpacked_ > ratio_from_octets && unpacked_ / context_.limits().ratio_max > packed_)
      throw reading_stopped{
          fmt::format("unpacks to more than {} times its size", context_.limits().ratio_max)};
  }

  archive* archive_;
  std::size_t packed_;
  read_context& context_;
  std::uint64_t unpacked_ = 0;
};

}  // namespace

void prepare_archives() {
  utf8_locale();
}

std::string each_archived_file(std::string_view bytes, file_kind kind, read_context& context,
                               const std::function<void(archived_file&)>& take) {
  if (kind == file_kind::zip)
    if (auto why = distrust_zip(bytes, context.limits().entries_max); !why.empty()) return why;
  const utf8_names names;
  const auto opened = open(bytes, kind);
  if (!opened) return "is broken";
  unpacking unpack{opened.get(), bytes.size(), context};
  std::string problem;
  for (;;) {
    archive_entry* entry = nullptr;
    const int code = archive_read_next_header(opened.get(), &entry);
    if (code == ARCHIVE_EOF) return problem;
    if (code < ARCHIVE_WARN) return "is broken";
    context.count_entry();
    context.look_at_clock();
    if (archive_entry_is_encrypted(entry) != 0) return "is encrypted";
    archived_file file{.name = kind == file_kind::gzip ? std::string{} : utf8_name(entry)};
    const bool is_file = kind == file_kind::gzip || archive_entry_filetype(entry) == AE_IFREG;
    if (is_file)
      if (auto why = unpack.read(file); !why.empty()) problem = why;
    take(file);
  }
}

}  // namespace consentry::filters::reader

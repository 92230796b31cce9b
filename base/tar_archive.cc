#include "base/tar_archive.h"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <memory>
#include <new>

#include "base/check.h"

namespace consentry {
namespace {

struct closer {
  void operator()(archive* a) const noexcept { archive_free(a); }
  void operator()(archive_entry* e) const noexcept { archive_entry_free(e); }
};
using archive_ptr = std::unique_ptr<archive, closer>;
using entry_ptr = std::unique_ptr<archive_entry, closer>;

la_ssize_t take(archive*, void* to, const void* bytes, std::size_t count) {
  static_cast<std::string*>(to)->append(static_cast<const char*>(bytes), count);
  return static_cast<la_ssize_t>(count);
}

bool is_plain_name(std::string_view name) {
  const auto is_allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-' || c == '/';
  };
  return !name.empty() && name.size() < 100 && name.front() != '/' &&
         name.find("..") == std::string_view::npos && std::ranges::all_of(name, is_allowed);
}

failure no(failure_kind kind, std::string text) {
  return {.kind = kind, .permanent = true, .public_text = std::move(text)};
}

}  // namespace

std::string make_tar(const std::vector<archived_file>& files) {
  std::string out;
  const archive_ptr a{archive_write_new()};
  if (!a) throw std::bad_alloc{};
  archive_write_set_format_ustar(a.get());
  archive_write_add_filter_none(a.get());
  archive_write_set_bytes_in_last_block(a.get(), 1);
  CONSENTRY_CHECK(archive_write_open(a.get(), &out, nullptr, &take, nullptr) == ARCHIVE_OK);
  for (const auto& f : files) {
    CONSENTRY_CHECK(is_plain_name(f.name));
    const entry_ptr e{archive_entry_new()};
    if (!e) throw std::bad_alloc{};
    archive_entry_set_pathname(e.get(), f.name.c_str());
    archive_entry_set_size(e.get(), static_cast<la_int64_t>(f.bytes.size()));
    archive_entry_set_filetype(e.get(), AE_IFREG);
    archive_entry_set_perm(e.get(), 0644);
    archive_entry_set_mtime(e.get(), 0, 0);
    CONSENTRY_CHECK(archive_write_header(a.get(), e.get()) == ARCHIVE_OK);
    if (!f.bytes.empty())
      CONSENTRY_CHECK(archive_write_data(a.get(), f.bytes.data(), f.bytes.size()) ==
                      static_cast<la_ssize_t>(f.bytes.size()));
  }
  CONSENTRY_CHECK(archive_write_close(a.get()) == ARCHIVE_OK);
  return out;
}

result<std::vector<archived_file>> read_tar(std::string_view bytes, std::size_t files_max,
                                            std::uint64_t bytes_max) {
  const archive_ptr a{archive_read_new()};
  if (!a) throw std::bad_alloc{};
  archive_read_support_format_tar(a.get());
  if (archive_read_open_memory(a.get(), bytes.data(), bytes.size()) != ARCHIVE_OK)
    return no(failure_kind::invalid, "it is no tar archive");
  std::vector<archived_file> out;
  std::uint64_t left = bytes_max;
  for (;;) {
    archive_entry* e = nullptr;
    const int code = archive_read_next_header(a.get(), &e);
    if (code == ARCHIVE_EOF) break;
    if (code != ARCHIVE_OK) return no(failure_kind::invalid, "a head in the archive does not read");
    const char* name = archive_entry_pathname(e);
    const auto size = archive_entry_size(e);
    if (name == nullptr || !is_plain_name(name) || archive_entry_filetype(e) != AE_IFREG ||
        size < 0)
      return no(failure_kind::invalid, "the archive holds what is no plain file");
    if (out.size() == files_max || static_cast<std::uint64_t>(size) > left)
      return no(failure_kind::limit, "the archive is too large");
    left -= static_cast<std::uint64_t>(size);
    archived_file f{.name = name, .bytes = std::string(static_cast<std::size_t>(size), '\0')};
    if (!f.bytes.empty() && archive_read_data(a.get(), f.bytes.data(), f.bytes.size()) != size)
      return no(failure_kind::invalid, f.name + " is cut off");
    out.push_back(std::move(f));
  }
  return out;
}

}  // namespace consentry

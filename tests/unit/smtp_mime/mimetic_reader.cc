#include "tests/unit/smtp_mime/mimetic_reader.h"

#include <mimetic/mimetic.h>

#include <exception>

#include "base/text.h"

namespace consentry::smtp::mime {
namespace {

// mimetic is quadratic in the length of a header line (64 KB take 0.6 ms, 1 MB 295 ms) and in its
// folds, and recurses once a level (100,000 crash). Where a header block ends is exactly what
// readers may disagree on, so every line counts as one.
constexpr std::size_t line_bytes_max = 64u << 10;
constexpr std::size_t folds_in_row_max = 1000;
constexpr std::size_t boundary_lines_max = 2000;

bool is_safe(std::string_view message) noexcept {
  std::size_t boundary_lines = 0;
  std::size_t folds_in_row = 0;
  while (!message.empty()) {
    const auto end = message.find('\n');
    const std::string_view line = message.substr(0, end);
    if (line.size() > line_bytes_max) return false;
    if (line.starts_with("--") && ++boundary_lines > boundary_lines_max) return false;
    const bool is_fold = !line.empty() && (line[0] == ' ' || line[0] == '\t');
    folds_in_row = is_fold ? folds_in_row + 1 : 0;
    if (folds_in_row > folds_in_row_max) return false;
    if (end == std::string_view::npos) break;
    message.remove_prefix(end + 1);
  }
  return true;
}

void count_leaves(mimetic::MimeEntity& entity, unsigned depth, std::map<std::string, int>& out) {
  const bool is_message = ascii_iequals(entity.header().contentType().type(), "message");
  if (!entity.body().parts().empty() && depth < 1000 && !is_message) {
    for (mimetic::MimeEntity* child : entity.body().parts()) count_leaves(*child, depth + 1, out);
    return;
  }
  const auto& type = entity.header().contentType();
  const std::string name = type.type() + "/" + type.subtype();
  ++out[ascii_lower(name)];
}

}  // namespace

std::optional<std::map<std::string, int>> leaf_types_by_mimetic(std::string_view message) {
  if (!is_safe(message)) return std::nullopt;
  try {
    // The loading constructor leaks when it throws; load() does not.
    mimetic::MimeEntity entity;
    entity.load(message.begin(), message.end());
    std::map<std::string, int> out;
    count_leaves(entity, 0, out);
    return out;
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

}  // namespace consentry::smtp::mime

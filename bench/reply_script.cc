#include "bench/reply_script.h"

#include <fmt/format.h>

#include <fstream>
#include <sstream>
#include <stdexcept>

namespace consentry::bench {
namespace {

bool matches(std::string_view pattern, std::string_view local_part) {
  if (!pattern.ends_with('*')) return pattern == local_part;
  pattern.remove_suffix(1);
  return local_part.starts_with(pattern);
}

}  // namespace

reply_script::reply_script(const std::filesystem::path& file) {
  std::ifstream in{file};
  if (!in) throw std::runtime_error(fmt::format("{}: cannot be read", file.string()));
  std::string text;
  for (int number = 1; std::getline(in, text); ++number) {
    if (text.empty() || text[0] == '#') continue;
    std::istringstream words{text};
    line l;
    std::string times;
    words >> l.stage >> l.local_part >> times >> std::ws;
    std::getline(words, l.reply);
    if (l.reply.empty())
      throw std::runtime_error(
          fmt::format("{}:{}: STAGE LOCAL-PART TIMES REPLY", file.string(), number));
    if (times != "*") l.times = std::stoi(times);
    lines_.push_back(std::move(l));
  }
}

std::optional<std::string> reply_script::answer(std::string_view stage,
                                                std::string_view recipient) {
  const std::string_view local_part = recipient.substr(0, recipient.rfind('@'));
  for (line& l : lines_) {
    if (l.stage != stage || l.times == 0 || !matches(l.local_part, local_part)) continue;
    if (l.times > 0) --l.times;
    return l.reply;
  }
  return std::nullopt;
}

}  // namespace consentry::bench

#include "app/spam_traps.h"

#include <fmt/format.h>

#include <fstream>
#include <iterator>

#include "base/result.h"
#include "base/text.h"
#include "smtp/address.h"

namespace consentry::app {

spam_traps spam_traps::read(const std::filesystem::path& file) {
  std::ifstream in{file, std::ios::binary};
  if (!in) throw configuration_error(file.string() + ": cannot be read");
  const std::string text{std::istreambuf_iterator<char>{in}, {}};
  return parse(text, file.string());
}

spam_traps spam_traps::parse(std::string_view text, const std::string& name) {
  spam_traps out;
  std::size_t number = 0;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    line = trim(line.substr(0, line.find('#')));
    if (line.empty()) continue;
    const auto wrong = [&] {
      return configuration_error(
          fmt::format("{}:{}: not an address or @domain: {}", name, number, printable(line, 100)));
    };
    if (line.front() == '@') {
      const auto domain = smtp::ascii_domain(line.substr(1));
      if (!domain) throw wrong();
      out.keys_.insert("@" + *domain);
    } else {
      const auto mailbox = smtp::mailbox::parse(line);
      if (!mailbox || mailbox->is_null()) throw wrong();
      out.keys_.insert(mailbox->key());
    }
    if (out.keys_.size() > count_max)
      throw configuration_error(fmt::format("{}: more than {} traps", name, count_max));
  }
  return out;
}

bool spam_traps::contains(std::string_view key) const {
  if (keys_.empty()) return false;
  const auto at = key.rfind('@');
  return keys_.contains(std::string{key}) ||
         (at != key.npos && keys_.contains(std::string{key.substr(at)}));
}

}  // namespace consentry::app

// The address collections of isemail and flanker, where they lie beside the source.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/text.h"
#include "smtp/address.h"

namespace consentry::smtp {
namespace {

std::string corpus_file(const std::string& name) {
  const char* env = std::getenv("CONSENTRY_CORPORA");
  const std::filesystem::path root =
      env ? std::filesystem::path{env}
          : std::filesystem::path{CONSENTRY_SOURCE_DIR} / "../shared/corpora";
  std::ifstream in{root / name, std::ios::binary};
  std::stringstream s;
  s << in.rdbuf();
  if (s.str().empty()) WARN("skipped: no " << (root / name).string());
  return s.str();
}

std::string element(const std::string& xml, const std::string& name) {
  const auto open = xml.find('<' + name + '>'), close = xml.find("</" + name + '>');
  if (open == std::string::npos || close == std::string::npos) return {};
  return xml.substr(open + name.size() + 2, close - open - name.size() - 2);
}

void replace_all(std::string& s, const std::string& from, const std::string& to) {
  for (auto at = s.find(from); at != std::string::npos; at = s.find(from, at + to.size()))
    s.replace(at, from.size(), to);
}

std::string utf8(unsigned c) {
  if (c < 0x80) return std::string(1, static_cast<char>(c));
  if (c < 0x800) return {static_cast<char>(0xc0 | c >> 6), static_cast<char>(0x80 | (c & 63))};
  return {static_cast<char>(0xe0 | c >> 12), static_cast<char>(0x80 | (c >> 6 & 63)),
          static_cast<char>(0x80 | (c & 63))};
}

// XML entities, then the "control pictures" that stand for control characters.
std::string decoded(std::string s) {
  for (auto at = s.find("&#"); at != std::string::npos; at = s.find("&#", at + 1)) {
    const auto end = s.find(';', at);
    const bool is_hex = s[at + 2] == 'x';
    s.replace(at, end - at + 1,
              utf8(static_cast<unsigned>(
                  std::stoul(s.substr(at + (is_hex ? 3 : 2)), nullptr, is_hex ? 16 : 10))));
  }
  for (auto [from, to] : {std::pair{"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}, {"&amp;", "&"}})
    replace_all(s, from, to);
  for (unsigned c = 0; c < 0x20; ++c)
    replace_all(s, utf8(0x2400 + c), std::string(1, static_cast<char>(c)));
  return s;
}

// The addresses of a list with "#" comments; what follows two blanks is a remark.
std::vector<std::string> addresses_of(const std::string& list) {
  std::vector<std::string> out;
  for (auto line : split(list, '\n')) {
    if (line.empty() || (line[0] == '#' && line.find("  ") != std::string_view::npos) ||
        line == "#" || line.substr(0, 2) == "# ")
      continue;
    out.emplace_back(trim(line));
  }
  return out;
}

}  // namespace

TEST_CASE("isemail: errors are refused, valid addresses taken") {
  const auto xml = corpus_file("isemail/tests.xml");
  if (xml.empty()) return;
  int judged = 0;
  for (auto at = xml.find("<test id="); at != std::string::npos;
       at = xml.find("<test id=", at + 1)) {
    const auto test = xml.substr(at, xml.find("</test>", at) - at);
    const auto category = element(test, "category");
    const auto address = decoded(element(test, "address"));
    INFO(printable(address) << ' ' << element(test, "diagnosis"));
    if (category == "ISEMAIL_ERR") {
      CHECK_FALSE(mailbox::parse(address).has_value());
    } else if (category == "ISEMAIL_VALID_CATEGORY" || category == "ISEMAIL_DNSWARN") {
      CHECK(mailbox::parse(address).has_value());
    } else if (category == "ISEMAIL_DEPREC" || category == "ISEMAIL_CFWS" ||
               category == "ISEMAIL_RFC5322") {
      CHECK_FALSE(
          mailbox::parse(address).has_value());  // our policy: nothing that RFC 5321 does not allow
    } else {
      continue;
    }
    ++judged;
  }
  CHECK(judged > 60);
}

TEST_CASE("flanker: valid mailboxes are taken, invalid ones refused") {
  const auto valid = corpus_file("flanker/addresses/mailbox_valid.txt");
  const auto invalid = corpus_file("flanker/addresses/mailbox_invalid.txt");
  if (valid.empty() || invalid.empty()) return;
  for (const auto& a : addresses_of(valid)) {
    // The list is of header mailboxes; display names and comments do not stand in an envelope.
    const bool in_envelope = a.find(" <") == std::string::npos && a[0] != '(';
    INFO(a);
    CHECK(mailbox::parse(a).has_value() == in_envelope);
  }
  for (const auto& a : addresses_of(invalid)) {
    INFO(a);
    CHECK_FALSE(mailbox::parse(a).has_value());
  }
}

}  // namespace consentry::smtp

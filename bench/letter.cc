#include "bench/letter.h"

#include <fmt/format.h>

#include <array>
#include <ctime>

namespace consentry::bench {
namespace {

constexpr std::array words{"offer",  "today",  "garden", "window",   "your",   "order",
                           "with",   "member", "points", "for",      "season", "every",
                           "until",  "sunday", "fresh",  "delivery", "and",    "light",
                           "choice", "simple", "month",  "letter",   "reader", "small",
                           "house",  "winter", "travel", "between",  "gift",   "price"};

// splitmix64: the same message for the same number, in every run.
std::uint64_t mix(std::uint64_t x) noexcept {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

std::string date_now() {
  std::array<char, 64> text{};
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S +0000", &parts);
  return text.data();
}

}  // namespace

// In a form, {n} is the number, {h} a hash, {w} a name, {r} the recipient.
void letter::add(std::string_view form) {
  for (std::size_t at = 0;;) {
    const std::size_t open = form.find('{', at);
    if (pieces_.empty() || pieces_.back().after != blank::none) pieces_.emplace_back();
    pieces_.back().text.append(form.substr(at, open - at));
    length_ += (open == std::string_view::npos ? form.size() : open) - at;
    if (open == std::string_view::npos) return;
    const char which = form[open + 1];
    pieces_.back().after = which == 'n'   ? blank::number
                           : which == 'h' ? blank::hash
                           : which == 'w' ? blank::name
                                          : blank::recipient;
    length_ += 16;
    at = open + 3;
  }
}

letter::letter(const options& o) {
  add(fmt::format(
      "From: \"Load News\" <news@{0}>\r\n"
      "To: \"{{w}}\" <{{r}}>\r\n"
      "Subject: {{w}}, your offers of this week (no. {{n}})\r\n"
      "Date: {1}\r\n"
      "Message-ID: <{{n}}.{{h}}@{0}>\r\n"
      "X-Load-Id: {2}-{{n}}\r\n"
      "MIME-Version: 1.0\r\n"
      "Content-Type: multipart/alternative; boundary=\"=_load\"\r\n\r\n"
      "--=_load\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\nDear {{w}},\r\n\r\n",
      o.sender_domain, date_now(), o.tag));
  std::uint64_t word = 0;
  const auto some_words = [&word](int count) {
    std::string line;
    for (int i = 0; i < count; ++i) line.append(words[mix(word++) % words.size()]).append(" ");
    return line;
  };
  while (length_ < o.bytes / 5) add(some_words(10) + "\r\n");
  add(fmt::format(
      "\r\nUnsubscribe: https://news.{0}/u/{{h}}\r\n"
      "--=_load\r\nContent-Type: text/html; charset=us-ascii\r\n\r\n"
      "<html><head><title>News for {{w}}</title></head><body>\r\n<h1>Hello {{w}}</h1>\r\n",
      o.sender_domain));
  const std::string end = fmt::format(
      "<p><a "
      "href=\"https://news.{0}/u/{{h}}\">Unsubscribe</a></p>\r\n</body></html>\r\n--=_load--\r\n",
      o.sender_domain);
  while (length_ + end.size() + 200 < o.bytes)
    add(fmt::format(
        "<p style=\"font-size:14px\">{0}<a href=\"https://news.{1}/c/{{h}}\">{{w}}</a></p>\r\n",
        some_words(12), o.sender_domain));
  add(end);
}

void letter::write(std::uint64_t id, std::string_view recipient, std::string& out) const {
  out.reserve(out.size() + length_ + 64 * pieces_.size());
  std::uint64_t seed = mix(id * 7919 + 1);
  for (const piece& p : pieces_) {
    out.append(p.text);
    switch (p.after) {
      case blank::none:
        break;
      case blank::number:
        fmt::format_to(std::back_inserter(out), "{:010}", id);
        break;
      case blank::hash:
        fmt::format_to(std::back_inserter(out), "{:016x}", seed = mix(seed));
        break;
      case blank::name:
        for (std::uint64_t v = mix(id), i = 0; i < 8; ++i, v /= 26)
          out.push_back(static_cast<char>('a' + v % 26));
        break;
      case blank::recipient:
        out.append(recipient);
        break;
    }
  }
}

}  // namespace consentry::bench

#include "filters/link_check.h"

#include <algorithm>
#include <set>
#include <string>
#include <tuple>
#include <unordered_set>

#include "base/text.h"
#include "filters/link_host.h"

namespace consentry::filters {
namespace {

constexpr std::size_t findings_max = 50;
constexpr std::size_t matched_octets_max = 200;
constexpr std::size_t host_octets_max = 253;
constexpr int inner_urls_max = 10;
constexpr int decodings_max = 3;  // %253A is %3A, and that is a colon

bool is_host_octet(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || static_cast<signed char>(c) < 0;
}

std::string_view cut(std::string_view s) {
  if (s.size() <= matched_octets_max) return s;
  auto most = matched_octets_max;
  while (most > 0 && (static_cast<unsigned char>(s[most]) & 0xC0) == 0x80) --most;
  return s.substr(0, most);
}

class checking_links {
 public:
  checking_links(const message_texts& texts, const url_lists& lists)
      : texts_{texts}, lists_{lists} {}

  std::vector<finding> run() {
    const auto is_link = [](const message_text& t) { return t.is_whole && t.where == zone::link; };
    std::size_t link = 0;
    for (const message_text& t : texts_.texts)
      if (is_link(t) && link < texts_.links.size()) one_link(t, texts_.links[link++].second);
    for (const message_text& t : texts_.texts)
      if (!is_link(t) && (!t.is_title || t.where == zone::subject)) names_in(t.seen, t);
    // What HTML refers to in other ways than by links.
    for (const message_text& t : texts_.sources) names_in(t.seen, t);
    return std::move(out_);
  }

 private:
  void one_link(const message_text& t, const link& l) {
    see(l.host, t, 0, 0);
    std::string url = l.url;
    int left = inner_urls_max;
    for (int n = 0; n < decodings_max; ++n) {
      for (auto at = url.find("://", 8); at != std::string::npos && left-- > 0;
           at = url.find("://", at + 3))
        see(host_of("http" + url.substr(at)), t, 0, 0);
      if (url.find('%') == std::string::npos) return;
      url = percent_decoded(url);
    }
  }

  // Names where no link need be: "evil.test", "bit.ly/x". Not parts of addresses or of paths.
  void names_in(std::string_view text, const message_text& t) {
    for (auto dot = text.find('.'); dot != std::string_view::npos;) {
      auto begin = dot, end = dot;
      while (begin > 0 && is_host_octet(text[begin - 1])) --begin;
      while (end < text.size() && is_host_octet(text[end])) ++end;
      if (is_name(text, begin, end)) {
        const auto name = text.substr(begin, end - begin);
        const bool has_path = end < text.size() && text[end] == '/';
        see_name(name, t, begin, end, has_path);
      }
      dot = text.find('.', end);
    }
  }

  static bool is_name(std::string_view text, std::size_t begin, std::size_t end) {
    if (end - begin > host_octets_max) return false;
    if (end < text.size() && text[end] == '@') return false;
    if (begin == 0) return true;
    const char before = text[begin - 1];
    return before != '@' && (before != '/' || (begin > 1 && text[begin - 2] == '/'));
  }

  void see_name(std::string_view name, const message_text& t, std::size_t begin, std::size_t end,
                bool has_path) {
    while (name.ends_with('.') || name.ends_with('-')) name.remove_suffix(1);
    while (name.starts_with('.') || name.starts_with('-')) name.remove_prefix(1);
    if (name.find('.') == std::string_view::npos) return;  // the end of a sentence
    const auto last = ascii_lower(last_label_of(name));
    const bool is_plain = std::none_of(last.begin(), last.end(),
                                       [](char c) { return static_cast<signed char>(c) < 0; });
    if (is_plain && !lists_.blocked.may_hold(last) && !lists_.shorteners.may_hold(last)) return;
    // Alone, the name of a shortener is a word: a link of it has something behind.
    see(name, t, begin, end, has_path);
  }

  // begin, end: of the text that is seen; a link stands for all of its attribute.
  void see(std::string_view host, const message_text& t, std::size_t begin, std::size_t end,
           bool may_be_shortener = true) {
    if (host.empty() || out_.size() == findings_max) return;
    auto& seen = may_be_shortener ? seen_ : seen_alone_;
    if (seen.contains(host)) return;
    seen.emplace(host);
    const auto known = comparable_host(host);
    if (const auto entry = lists_.blocked.find(known); !entry.empty())
      add("link.blocklisted", "url_blocklist", entry, t, begin, end,
          "it leads to " + known +
              (known == entry ? ", which is listed" : ", listed as " + std::string{entry}));
    if (!may_be_shortener) return;
    if (const auto entry = lists_.shorteners.find(known); !entry.empty())
      add("link.shortener", "url_shortener", entry, t, begin, end, known + " hides where it leads");
  }

  void add(const char* pattern, const char* category, std::string_view entry, const message_text& t,
           std::size_t begin, std::size_t end, std::string note) {
    if (!told_.insert(std::string{category} + " " + std::string{entry}).second) return;
    finding f;
    f.pattern = pattern;
    f.category = category;
    f.zone = t.where;
    f.part = t.part;
    std::tie(f.begin, f.end) = t.place(begin, end);
    f.matched = cut(t.original.substr(f.begin, f.end - f.begin));
    f.note = std::move(note);
    out_.push_back(std::move(f));
  }

  const message_texts& texts_;
  const url_lists& lists_;
  using hosts = std::unordered_set<std::string, host_list::text_hash, std::equal_to<>>;
  hosts seen_, seen_alone_;
  std::set<std::string> told_;  // category and entry
  std::vector<finding> out_;
};

}  // namespace

std::vector<finding> check_links(const message_texts& texts, const url_lists& lists) {
  if (lists.is_empty()) return {};
  return checking_links{texts, lists}.run();
}

}  // namespace consentry::filters

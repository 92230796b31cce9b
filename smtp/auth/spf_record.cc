#include "smtp/auth/spf_record.h"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <optional>

#include "base/text.h"

namespace consentry::smtp::auth {
namespace {

constexpr std::string_view version = "v=spf1";

bool is_alpha(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}
bool is_alphanum(char c) noexcept {
  return is_alpha(c) || is_digit(c);
}

std::vector<std::string_view> terms_of(std::string_view record) {
  std::vector<std::string_view> out;
  for (const auto t : split(record.substr(version.size()), ' '))
    if (!t.empty()) out.push_back(t);
  return out;
}

// Section 7.1: the octets of "%{d1r}", "%%", "%_" or "%-" at the beginning; 0: it is none.
std::size_t macro_expand(std::string_view s) noexcept {
  if (s.size() < 2 || s[0] != '%') return 0;
  if (s[1] == '%' || s[1] == '_' || s[1] == '-') return 2;
  constexpr std::string_view letters = "slodiphv";  // c, r and t are for explanations
  if (s.size() < 4 || s[1] != '{') return 0;
  if (letters.find(static_cast<char>(s[2] | 0x20)) == std::string_view::npos) return 0;
  std::size_t at = 3;
  while (at < s.size() && is_digit(s[at])) ++at;
  if (at < s.size() && (s[at] | 0x20) == 'r') ++at;
  while (at < s.size() && std::string_view{".-+,/_="}.find(s[at]) != std::string_view::npos) ++at;
  return at < s.size() && s[at] == '}' ? at + 1 : 0;
}

// The last macro's end, or nullopt where it is no macro-string.
std::optional<std::size_t> last_macro_end(std::string_view s) noexcept {
  std::size_t end = 0;
  for (std::size_t at = 0; at < s.size();) {
    if (s[at] == '%') {
      const auto octets = macro_expand(s.substr(at));
      if (octets == 0) return std::nullopt;
      at = end = at + octets;
    } else if (s[at] > 0x20 && s[at] < 0x7f) {
      ++at;
    } else {
      return std::nullopt;
    }
  }
  return end;
}

bool is_top_label(std::string_view s) noexcept {
  const auto is_of_label = [](char c) { return is_alphanum(c) || c == '-'; };
  return !s.empty() && is_alphanum(s.front()) && is_alphanum(s.back()) &&
         std::ranges::all_of(s, is_of_label) && !std::ranges::all_of(s, is_digit);
}

bool is_domain_spec(std::string_view s) noexcept {
  const auto macro_end = last_macro_end(s);
  if (s.empty() || !macro_end) return false;
  if (*macro_end == s.size()) return true;
  if (s.ends_with('.')) s.remove_suffix(1);
  const auto dot = s.rfind('.');
  return dot != std::string_view::npos && dot >= *macro_end && is_top_label(s.substr(dot + 1));
}

bool is_length(std::string_view s, unsigned most) noexcept {
  if (s.empty() || s.size() > 3 || !std::ranges::all_of(s, is_digit)) return false;
  if (s.size() > 1 && s[0] == '0') return false;
  unsigned n = 0;
  for (const char c : s) n = n * 10 + static_cast<unsigned>(c - '0');
  return n <= most;
}

// Takes "/24", "//64" or both off the end of what follows "a" or "mx"; false: they are unsound.
bool take_lengths(std::string_view& s) noexcept {
  const auto digits_at_end = [](std::string_view t) {
    std::size_t n = 0;
    while (n < t.size() && is_digit(t[t.size() - 1 - n])) ++n;
    return n;
  };
  auto n = digits_at_end(s);
  if (s.substr(0, s.size() - n).ends_with("//")) {
    if (!is_length(s.substr(s.size() - n), 128)) return false;
    s.remove_suffix(n + 2);
    n = digits_at_end(s);
  }
  if (!s.substr(0, s.size() - n).ends_with('/')) return true;
  if (!is_length(s.substr(s.size() - n), 32)) return false;
  s.remove_suffix(n + 1);
  return true;
}

bool is_network(std::string_view s, bool is_v6) {
  const auto slash = s.find('/');
  if (slash != std::string_view::npos && !is_length(s.substr(slash + 1), is_v6 ? 128 : 32))
    return false;
  if (s.find('%') != std::string_view::npos) return false;  // a zone of this machine
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(std::string{s.substr(0, slash)}, error);
  return !error && address.is_v6() == is_v6;
}

bool is_mechanism(std::string_view s) {
  const auto end = s.find_first_of(":/");
  const auto name = s.substr(0, end);
  auto rest = end == std::string_view::npos ? std::string_view{} : s.substr(end);
  const auto is = [name](std::string_view n) { return ascii_iequals(name, n); };
  const bool has_value = rest.starts_with(':');
  if (is("all")) return rest.empty();
  if (is("include") || is("exists")) return has_value && is_domain_spec(rest.substr(1));
  if (is("ip4") || is("ip6")) return has_value && is_network(rest.substr(1), is("ip6"));
  if (is("ptr")) return rest.empty() || (has_value && is_domain_spec(rest.substr(1)));
  if (!is("a") && !is("mx")) return false;
  if (!take_lengths(rest)) return false;
  return rest.empty() || (rest.starts_with(':') && is_domain_spec(rest.substr(1)));
}

bool is_modifier_name(std::string_view s) noexcept {
  return !s.empty() && is_alpha(s[0]) && std::ranges::all_of(s, [](char c) {
    return is_alphanum(c) || c == '-' || c == '_' || c == '.';
  });
}

// "redirect" of "redirect=example.hu"; empty: it is no modifier.
std::string_view modifier_name(std::string_view term) noexcept {
  const auto equals = term.find('=');
  const auto name = term.substr(0, equals);
  return equals != std::string_view::npos && is_modifier_name(name) ? name : std::string_view{};
}

bool is_named(std::string_view term, std::string_view name) noexcept {
  return ascii_iequals(modifier_name(term), name);
}

std::string_view without_qualifier(std::string_view term) noexcept {
  if (!term.empty() && std::string_view{"+-~?"}.find(term[0]) != std::string_view::npos)
    term.remove_prefix(1);
  return term;
}

bool is_all(std::string_view term) noexcept {
  return ascii_iequals(without_qualifier(term), "all");
}

// Section 6: redirect and exp may stand once each.
bool is_sound(const std::vector<std::string_view>& terms) {
  for (const auto* name : {"redirect", "exp"})
    if (std::ranges::count_if(terms, [&](auto t) { return is_named(t, name); }) > 1) return false;
  return std::ranges::all_of(terms, is_spf_term);
}

// What stays of a record beside others, or of an unsound one.
void add_sound_terms(const std::vector<std::string_view>& terms, std::vector<std::string>& out) {
  const bool has_all = std::ranges::any_of(terms, is_all);
  bool is_behind_all = false;
  for (const auto t : terms) {
    if (!is_spf_term(t)) continue;
    std::string kept{t};
    if (is_all(t)) {
      is_behind_all = true;
      continue;
    }
    if (is_named(t, "redirect")) {
      if (has_all) continue;  // section 6.1: it counts for nothing
      kept = "include:" + std::string{t.substr(t.find('=') + 1)};
    } else if (!modifier_name(t).empty()) {
      continue;  // an explanation, or what nobody knows
    } else if (is_behind_all) {
      continue;  // section 5.1: never looked at
    }
    const auto is_same = [&kept](const std::string& o) { return ascii_iequals(o, kept); };
    if (std::ranges::none_of(out, is_same)) out.push_back(std::move(kept));
  }
}

// The end of a record that is put together: as strict as the mildest of those present, where all of
// them are sound and have one.
std::string_view end_of(const std::vector<std::string>& present) {
  constexpr std::string_view mild = "?all";
  std::string_view out = present.empty() ? mild : "-all";
  for (const auto& p : present) {
    const auto terms = terms_of(p);
    const auto all = std::ranges::find_if(terms, is_all);
    if (!is_sound(terms) || all == terms.end()) return mild;
    if (all->front() == '~') out = "~all";
    if (all->front() != '~' && all->front() != '-') return mild;
  }
  return out;
}

}  // namespace

bool is_spf_record(std::string_view text) noexcept {
  return ascii_istarts_with(text, version) &&
         (text.size() == version.size() || text[version.size()] == ' ');
}

std::vector<std::string> spf_records_of(const std::vector<std::string>& texts) {
  std::vector<std::string> out;
  for (const auto& t : texts)
    if (is_spf_record(t)) out.push_back(t);
  return out;
}

bool is_spf_term(std::string_view term) noexcept {
  if (const auto name = modifier_name(term); !name.empty()) {
    const auto value = term.substr(name.size() + 1);
    if (ascii_iequals(name, "redirect") || ascii_iequals(name, "exp")) return is_domain_spec(value);
    return last_macro_end(value).has_value();
  }
  return is_mechanism(without_qualifier(term));
}

std::string spf_record_with(const std::vector<std::string>& addresses,
                            const std::vector<std::string>& present) {
  std::vector<std::string> out;
  for (const auto& a : addresses)
    out.push_back((a.find(':') == std::string::npos ? "ip4:" : "ip6:") + a);
  const bool is_kept = present.size() == 1 && is_sound(terms_of(present.front()));
  if (is_kept) {
    for (const auto t : terms_of(present.front())) out.emplace_back(t);
  } else {
    for (const auto& p : present) add_sound_terms(terms_of(p), out);
    out.emplace_back(end_of(present));
  }
  std::string text{version};
  for (const auto& t : out) text += ' ' + t;
  return text;
}

}  // namespace consentry::smtp::auth

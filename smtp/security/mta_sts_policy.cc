#include "smtp/security/mta_sts_policy.h"

#include <algorithm>
#include <charconv>

#include "base/bytes.h"
#include "base/text.h"
#include "smtp/address.h"

namespace consentry::smtp::security {
namespace {

constexpr std::uint8_t version = 1;
constexpr std::size_t patterns_max = 100;
constexpr std::uint32_t max_age_limit_s = 31'557'600;

failure wrong(std::string what) {
  return {failure_kind::invalid, false, failure_scope::site, "not a usable MTA-STS policy",
          std::move(what)};
}

bool is_id(std::string_view s) {
  const auto is_alnum = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  };
  return !s.empty() && s.size() <= 32 && std::all_of(s.begin(), s.end(), is_alnum);
}

std::optional<std::string> pattern_of(std::string_view text) {
  const bool is_wild = text.starts_with("*.");
  auto host = ascii_domain(std::string{is_wild ? text.substr(2) : text});
  if (!host || host->front() == '[') return std::nullopt;
  return (is_wild ? "*." : "") + ascii_lower(*host);
}

std::optional<sts_mode> mode_of(std::string_view text) {
  for (const auto m : {sts_mode::none, sts_mode::testing, sts_mode::enforce})
    if (text == to_string(m)) return m;
  return std::nullopt;
}

std::optional<std::uint32_t> seconds_of(std::string_view text) {
  std::uint64_t n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (text.empty() || text.size() > 10 || error != std::errc{} || end != text.data() + text.size())
    return std::nullopt;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(n, max_age_limit_s));
}

}  // namespace

std::string_view to_string(sts_mode m) noexcept {
  return m == sts_mode::enforce ? "enforce" : m == sts_mode::testing ? "testing" : "none";
}

std::optional<std::string> sts_record_id(const std::vector<std::string>& txt) {
  std::optional<std::string> id;
  std::size_t records = 0;
  for (const auto& record : txt) {
    const auto fields = split(record, ';');
    if (trim(fields.front()) != "v=STSv1") continue;
    ++records;
    for (std::size_t i = 1; i < fields.size(); ++i) {
      const auto equals = fields[i].find('=');
      if (equals == std::string_view::npos || trim(fields[i].substr(0, equals)) != "id") continue;
      const auto value = trim(fields[i].substr(equals + 1));
      if (!id && is_id(value)) id = std::string{value};
    }
  }
  return records == 1 ? id : std::nullopt;
}

result<sts_policy> parse_sts_policy(std::string_view body) {
  sts_policy out;
  bool has_version = false, has_mode = false, has_age = false;
  bool is_first = true;
  for (const auto raw : split(body, '\n')) {
    const auto line = trim(raw);
    if (line.empty()) continue;
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) return wrong("a line without a colon");
    const auto key = trim(line.substr(0, colon));
    const auto value = trim(line.substr(colon + 1));
    // The version comes first; of the others but mx the first one counts.
    if (is_first && (key != "version" || value != "STSv1")) return wrong("no version: STSv1");
    is_first = false;
    if (key == "version") {
      has_version = true;
    } else if (key == "mode" && !has_mode) {
      const auto mode = mode_of(value);
      if (!mode) return wrong("an unknown mode");
      out.mode = *mode;
      has_mode = true;
    } else if (key == "max_age" && !has_age) {
      const auto age = seconds_of(value);
      if (!age) return wrong("max_age is no number of seconds");
      out.max_age_s = *age;
      has_age = true;
    } else if (key == "mx") {
      auto pattern = pattern_of(value);
      if (!pattern) return wrong("an mx that is no host name");
      if (out.mx.size() == patterns_max) return wrong("more than 100 mx");
      out.mx.push_back(std::move(*pattern));
    }
  }
  if (!has_version || !has_mode || !has_age) return wrong("version, mode or max_age is missing");
  if (out.mode != sts_mode::none && out.mx.empty()) return wrong("no mx");
  return out;
}

bool matches(const sts_policy& p, std::string_view mx_host) noexcept {
  const auto fits = [mx_host](const std::string& pattern) {
    if (!pattern.starts_with("*.")) return ascii_iequals(pattern, mx_host);
    const auto dot = mx_host.find('.');
    return dot != std::string_view::npos && dot > 0 &&
           ascii_iequals(std::string_view{pattern}.substr(1), mx_host.substr(dot));
  };
  return std::any_of(p.mx.begin(), p.mx.end(), fits);
}

std::vector<std::string> lines_of(const sts_policy& p) {
  std::vector<std::string> out{"version: STSv1", "mode: " + std::string{to_string(p.mode)}};
  for (const auto& m : p.mx) out.push_back("mx: " + m);
  out.push_back("max_age: " + std::to_string(p.max_age_s));
  return out;
}

std::string encode(const sts_policy& p) {
  byte_writer w;
  w.u8(version).u8(static_cast<std::uint8_t>(p.mode)).varint(p.max_age_s).text(p.id);
  w.zigzag(to_ms(p.fetched_at)).varint(p.mx.size());
  for (const auto& m : p.mx) w.text(m);
  return w.take();
}

sts_policy decode_sts_policy(std::string_view bytes) {
  byte_reader in{bytes};
  if (in.u8() != version) throw decode_error{"MTA-STS policy of unknown version"};
  sts_policy p;
  const auto mode = in.u8();
  if (mode > 2) throw decode_error{"MTA-STS policy of unknown mode"};
  p.mode = static_cast<sts_mode>(mode);
  p.max_age_s = static_cast<std::uint32_t>(in.varint());
  p.id = in.text();
  p.fetched_at = from_ms(in.zigzag());
  for (auto n = in.varint(); n > 0; --n) p.mx.emplace_back(in.text());
  if (!in.at_end()) throw decode_error{"bytes behind an MTA-STS policy"};
  return p;
}

}  // namespace consentry::smtp::security

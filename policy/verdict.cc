#include "policy/verdict.h"

#include <algorithm>
#include <bit>

#include "base/bytes.h"

// verdict = u8 version(2), u8 decision, reason rule policy_version, u8 be16 be16 enhanced, text,
// dates, knobs, matches, tags, exemptions (from version 2 on)
//   dates, knobs, exemptions = varint count, (name value)*      tags = varint count, text*
//   match = pattern category language u8 zone part varint view begin end, matched, be64 weight
//   score (IEEE 754), flag, note

namespace consentry::policy {

namespace {

constexpr std::uint8_t verdict_version = 2;
constexpr std::uint8_t version_without_exemptions = 1;
constexpr std::size_t matches_max = 32;
constexpr std::size_t matched_bytes_max = 200;

void write_map(byte_writer& w, const std::map<std::string, std::string>& m) {
  w.varint(m.size());
  for (const auto& [name, value] : m) w.text(name).text(value);
}

std::map<std::string, std::string> read_map(byte_reader& r) {
  std::map<std::string, std::string> out;
  for (auto n = r.varint(); n > 0; --n) {
    std::string name{r.text()};
    out[std::move(name)] = r.text();
  }
  return out;
}

void write_match(byte_writer& w, const filters::finding& f) {
  w.text(f.pattern).text(f.category).text(f.language).u8(static_cast<std::uint8_t>(f.zone));
  w.text(f.part).varint(static_cast<std::uint64_t>(f.view)).varint(f.begin).varint(f.end);
  w.text(std::string_view{f.matched}.substr(0, matched_bytes_max));
  w.be64(std::bit_cast<std::uint64_t>(f.weight)).be64(std::bit_cast<std::uint64_t>(f.score));
  w.flag(f.conclusive).text(f.note);
}

filters::finding read_match(byte_reader& r) {
  filters::finding f;
  f.pattern = r.text();
  f.category = r.text();
  f.language = r.text();
  const auto zone = r.u8();
  if (zone > static_cast<std::uint8_t>(filters::zone::hidden)) throw decode_error{"zone"};
  f.zone = static_cast<filters::zone>(zone);
  f.part = r.text();
  f.view = static_cast<int>(r.varint());
  f.begin = r.varint();
  f.end = r.varint();
  f.matched = r.text();
  f.weight = std::bit_cast<double>(r.be64());
  f.score = std::bit_cast<double>(r.be64());
  f.conclusive = r.flag();
  f.note = r.text();
  return f;
}

}  // namespace

std::string_view to_string(decision d) noexcept {
  switch (d) {
    case decision::send:
      return "send";
    case decision::defer:
      return "defer";
    case decision::hold:
      return "hold";
    case decision::refuse:
      return "refuse";
  }
  return "unknown";
}

smtp::reply to_reply(const verdict& v) {
  smtp::reply r;
  r.enhanced = v.enhanced;
  r.text = v.is_send() ? "accepted" : v.reason + ": " + v.text;
  switch (v.decision) {
    case decision::send:
    case decision::hold:
      r.code = 250;
      break;
    case decision::defer:
      r.code = 451;
      break;
    case decision::refuse:
      // RFC 7505 section 4.2 has a code of its own.
      r.code = v.enhanced == smtp::enhanced_code{5, 1, 10} ? 556 : 550;
      break;
  }
  return r;
}

std::string encode(const verdict& v) {
  byte_writer w;
  w.u8(verdict_version).u8(static_cast<std::uint8_t>(v.decision));
  w.text(v.reason).text(v.rule).text(v.policy_version);
  w.u8(v.enhanced.status_class).be16(v.enhanced.subject).be16(v.enhanced.detail);
  w.text(v.text);
  write_map(w, v.dates);
  write_map(w, v.knobs);
  const auto matches = std::min(v.matches.size(), matches_max);
  w.varint(matches);
  for (std::size_t i = 0; i < matches; ++i) write_match(w, v.matches[i]);
  w.varint(v.tags.size());
  for (const auto& t : v.tags) w.text(t);
  write_map(w, v.exemptions);
  return w.take();
}

verdict decode_verdict(std::string_view bytes) {
  byte_reader r{bytes};
  const auto version = r.u8();
  if (version != verdict_version && version != version_without_exemptions)
    throw decode_error{"verdict of another version"};
  verdict v;
  const auto d = r.u8();
  if (d < static_cast<std::uint8_t>(decision::send) ||
      d > static_cast<std::uint8_t>(decision::refuse))
    throw decode_error{"decision"};
  v.decision = static_cast<decision>(d);
  v.reason = r.text();
  v.rule = r.text();
  v.policy_version = r.text();
  v.enhanced.status_class = r.u8();
  v.enhanced.subject = r.be16();
  v.enhanced.detail = r.be16();
  v.text = r.text();
  v.dates = read_map(r);
  v.knobs = read_map(r);
  for (auto n = r.varint(); n > 0; --n) v.matches.push_back(read_match(r));
  for (auto n = r.varint(); n > 0; --n) v.tags.emplace_back(r.text());
  if (version != version_without_exemptions) v.exemptions = read_map(r);
  if (!r.at_end()) throw decode_error{"bytes behind a verdict"};
  return v;
}

}  // namespace consentry::policy

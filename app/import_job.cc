#include "app/import_job.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/bytes.h"

namespace consentry {

std::string to_string(import_id id) {
  return fmt::format("i{:06}", id.value);
}

std::optional<import_id> parse_import_id(std::string_view text) {
  if (text.size() < 2 || text.size() > 20 || text[0] != 'i') return std::nullopt;
  std::uint64_t n = 0;
  const auto [end, error] = std::from_chars(text.data() + 1, text.data() + text.size(), n);
  if (error != std::errc{} || end != text.data() + text.size() || n == 0) return std::nullopt;
  return import_id{n};
}

}  // namespace consentry

namespace consentry::app {

namespace {

namespace consent = policy::consent;

constexpr std::uint8_t version = 1;
constexpr double share_unit = 1e-6;

void put_time(byte_writer& w, const std::optional<instant>& t) {
  w.flag(t.has_value());
  if (t) w.zigzag(to_ms(*t));
}
std::optional<instant> get_time(byte_reader& r) {
  if (!r.flag()) return std::nullopt;
  return from_ms(r.zigzag());
}
void put_share(byte_writer& w, double share) {
  w.varint(static_cast<std::uint64_t>(std::llround(share / share_unit)));
}
double get_share(byte_reader& r) {
  return static_cast<double>(r.varint()) * share_unit;
}
void put_names(byte_writer& w, const std::vector<std::string>& names) {
  w.varint(names.size());
  for (const auto& n : names) w.text(n);
}
std::vector<std::string> get_names(byte_reader& r) {
  std::vector<std::string> out;
  for (auto n = r.varint(); n > 0; --n) out.emplace_back(r.text());
  return out;
}

void put_signs(byte_writer& w, const consent::import_shares& s) {
  w.varint(s.rows);
  for (const double share : {s.roles, s.throwaways, s.same_time}) put_share(w, share);
  w.flag(s.overlap.has_value());
  if (s.overlap) put_share(w, *s.overlap);
  w.varint(s.delivered).varint(s.bounced).varint(s.complained);
}

consent::import_shares get_signs(byte_reader& r) {
  consent::import_shares s;
  s.rows = r.varint();
  for (auto* share : {&s.roles, &s.throwaways, &s.same_time}) *share = get_share(r);
  if (r.flag()) s.overlap = get_share(r);
  s.delivered = r.varint();
  s.bounced = r.varint();
  s.complained = r.varint();
  return s;
}

void put_counts(byte_writer& w, const import_job& j) {
  w.varint(j.rows_read).varint(j.taken).varint(j.withdrawals);
  w.varint(j.refused_by_reason.size());
  for (const auto& [reason, count] : j.refused_by_reason) w.text(reason).varint(count);
  put_names(w, j.ignored_columns);
  put_names(w, j.runs);
  put_names(w, j.samples);
  const auto& sum = j.position.sum;
  w.varint(j.position.rows).varint(sum.added).varint(sum.renewed).varint(sum.kept);
  w.varint(sum.still_withdrawn).varint(sum.withdrawals);
}

void get_counts(byte_reader& r, import_job& j) {
  j.rows_read = r.varint();
  j.taken = r.varint();
  j.withdrawals = r.varint();
  for (auto n = r.varint(); n > 0; --n) {
    std::string reason{r.text()};
    j.refused_by_reason[std::move(reason)] = r.varint();
  }
  j.ignored_columns = get_names(r);
  j.runs = get_names(r);
  j.samples = get_names(r);
  auto& sum = j.position.sum;
  j.position.rows = r.varint();
  sum.added = r.varint();
  sum.renewed = r.varint();
  sum.kept = r.varint();
  sum.still_withdrawn = r.varint();
  sum.withdrawals = r.varint();
}

}  // namespace

std::string_view name_of(import_state s) noexcept {
  switch (s) {
    case import_state::uploading:
      return "uploading";
    case import_state::waiting:
      return "waiting";
    case import_state::planning:
      return "planning";
    case import_state::applying:
      return "applying";
    case import_state::done:
      return "done";
    case import_state::refused:
      return "refused";
    case import_state::failed:
      return "failed";
    case import_state::cancelled:
      return "cancelled";
  }
  return "unknown";
}

std::string encode(const import_job& j) {
  byte_writer w;
  w.u8(version).varint(j.id.value).be32(j.tenant.value).u8(static_cast<std::uint8_t>(j.state));
  w.text(j.importer).text(j.source).u8(static_cast<std::uint8_t>(j.format)).text(j.mapping);
  w.u8(static_cast<std::uint8_t>(j.delimiter)).flag(j.is_dry_run).flag(j.is_all_or_nothing);
  w.flag(j.bytes.has_value()).varint(j.bytes.value_or(0)).varint(j.uploaded);
  w.zigzag(to_ms(j.created_at)).zigzag(to_ms(j.touched_at));
  put_time(w, j.now);
  put_time(w, j.ended_at);
  put_counts(w, j);
  w.text(j.why).flag(j.has_rejects);
  put_signs(w, j.shares);
  put_time(w, j.released_at);
  w.text(j.released_by).text(j.release_reason);
  return w.take();
}

import_job decode_import_job(std::string_view bytes) {
  byte_reader r{bytes};
  if (r.u8() != version) throw decode_error("import job of another version");
  import_job j;
  j.id = {r.varint()};
  j.tenant = {r.be32()};
  const auto state = r.u8();
  if (state < 1 || state > static_cast<std::uint8_t>(import_state::cancelled))
    throw decode_error("import job: unknown state");
  j.state = static_cast<import_state>(state);
  j.importer = r.text();
  j.source = r.text();
  const auto format = r.u8();
  if (format < 1 || format > 2) throw decode_error("import job: unknown format");
  j.format = static_cast<consent::import_format>(format);
  j.mapping = r.text();
  j.delimiter = static_cast<char>(r.u8());
  j.is_dry_run = r.flag();
  j.is_all_or_nothing = r.flag();
  const bool has_bytes = r.flag();
  const auto count = r.varint();
  if (has_bytes) j.bytes = count;
  j.uploaded = r.varint();
  j.created_at = from_ms(r.zigzag());
  j.touched_at = from_ms(r.zigzag());
  j.now = get_time(r);
  j.ended_at = get_time(r);
  get_counts(r, j);
  j.why = r.text();
  j.has_rejects = r.flag();
  j.shares = get_signs(r);
  j.released_at = get_time(r);
  j.released_by = r.text();
  j.release_reason = r.text();
  if (!r.at_end()) throw decode_error("bytes behind an import job");
  return j;
}

}  // namespace consentry::app

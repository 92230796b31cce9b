#include "smtp/security/tls_report.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "base/bytes.h"
#include "base/text.h"

namespace consentry::smtp::security {

namespace json = boost::json;

namespace {

constexpr std::uint8_t version = 1;
constexpr std::size_t uris_max = 8, uri_bytes_max = 512;
constexpr std::chrono::hours day_length{24};

bool is_same(const tls_failures& a, const tls_failures& b) {
  return a.result_type == b.result_type && a.mx_host == b.mx_host && a.mx_ip == b.mx_ip &&
         a.source_ip == b.source_ip;
}

// Of the same policy; nullptr: there is no room for another one.
tls_policy_counts* find_or_make(std::vector<tls_policy_counts>& all, tls_policy_kind kind,
                                const std::vector<std::string>& lines,
                                const std::vector<std::string>& mx_patterns) {
  for (auto& p : all)
    if (p.kind == kind && p.lines == lines) return &p;
  if (all.size() == tls_day::policies_max) return nullptr;
  tls_policy_counts fresh;
  fresh.kind = kind;
  fresh.lines = lines;
  fresh.mx_patterns = mx_patterns;
  all.push_back(std::move(fresh));
  return &all.back();
}

void add_detail(tls_policy_counts& to, const tls_failures& f) {
  for (auto& d : to.details)
    if (is_same(d, f)) {
      d.count += f.count;
      return;
    }
  if (to.details.size() < tls_day::details_max) to.details.push_back(f);
}

// RFC 3339, seconds.
std::string time_text(instant t) {
  const auto day = std::chrono::floor<std::chrono::days>(t);
  const std::chrono::year_month_day date{day};
  const auto s = std::chrono::duration_cast<std::chrono::seconds>(t - day).count();
  char text[32];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(s / 3600), static_cast<int>(s / 60 % 60),
                static_cast<int>(s % 60));
  return text;
}

std::string_view name_of(tls_policy_kind k) {
  return k == tls_policy_kind::sts    ? "sts"
         : k == tls_policy_kind::tlsa ? "tlsa"
                                      : "no-policy-found";
}

void put_if(json::object& o, std::string_view key, const std::string& value) {
  if (!value.empty()) o[key] = value;
}

json::array array_of(const std::vector<std::string>& texts) {
  json::array out;
  for (const auto& t : texts) out.emplace_back(t);
  return out;
}

json::object object_of(const tls_policy_counts& p, const std::string& domain) {
  json::object policy;
  policy["policy-type"] = name_of(p.kind);
  if (!p.lines.empty()) policy["policy-string"] = array_of(p.lines);
  policy["policy-domain"] = domain;
  if (!p.mx_patterns.empty()) policy["mx-host"] = array_of(p.mx_patterns);
  json::object summary;
  summary["total-successful-session-count"] = p.successes;
  summary["total-failure-session-count"] = p.failures;
  json::object out;
  out["policy"] = std::move(policy);
  out["summary"] = std::move(summary);
  json::array details;
  for (const auto& f : p.details) {
    json::object o;
    o["result-type"] = f.result_type;
    put_if(o, "sending-mta-ip", f.source_ip);
    put_if(o, "receiving-mx-hostname", f.mx_host);
    put_if(o, "receiving-ip", f.mx_ip);
    o["failed-session-count"] = f.count;
    put_if(o, "failure-reason-code", f.cause);
    details.push_back(std::move(o));
  }
  if (!details.empty()) out["failure-details"] = std::move(details);
  return out;
}

void write(byte_writer& w, const std::vector<std::string>& texts) {
  w.varint(texts.size());
  for (const auto& t : texts) w.text(t);
}

std::vector<std::string> read_texts(byte_reader& in) {
  std::vector<std::string> out;
  for (auto n = in.varint(); n > 0; --n) out.emplace_back(in.text());
  return out;
}

}  // namespace

void tls_day::add(const tls_session& s, std::uint64_t count) {
  auto* to = find_or_make(policies, s.policy, s.policy_lines, s.mx_patterns);
  if (to == nullptr) return;
  if (s.result_type.empty()) {
    to->successes += count;
    return;
  }
  to->failures += count;
  add_detail(*to, {.result_type = s.result_type,
                   .mx_host = s.mx_host,
                   .mx_ip = s.mx_ip,
                   .source_ip = s.source_ip,
                   .cause = printable(s.cause),
                   .count = count});
}

void tls_day::add(const tls_day& other) {
  for (const auto& p : other.policies) {
    auto* to = find_or_make(policies, p.kind, p.lines, p.mx_patterns);
    if (to == nullptr) continue;
    to->successes += p.successes;
    to->failures += p.failures;
    for (const auto& d : p.details) add_detail(*to, d);
  }
}

std::string encode(const tls_day& d) {
  byte_writer w;
  w.u8(version).varint(d.policies.size());
  for (const auto& p : d.policies) {
    w.u8(static_cast<std::uint8_t>(p.kind));
    write(w, p.lines);
    write(w, p.mx_patterns);
    w.varint(p.successes).varint(p.failures).varint(p.details.size());
    for (const auto& f : p.details) {
      w.text(f.result_type).text(f.mx_host).text(f.mx_ip).text(f.source_ip).text(f.cause);
      w.varint(f.count);
    }
  }
  return w.take();
}

tls_day decode_tls_day(std::string_view bytes) {
  byte_reader in{bytes};
  if (in.u8() != version) throw decode_error{"TLS counts of unknown version"};
  tls_day d;
  for (auto n = in.varint(); n > 0; --n) {
    tls_policy_counts p;
    const auto kind = in.u8();
    if (kind > 2) throw decode_error{"TLS counts of an unknown kind of policy"};
    p.kind = static_cast<tls_policy_kind>(kind);
    p.lines = read_texts(in);
    p.mx_patterns = read_texts(in);
    p.successes = in.varint();
    p.failures = in.varint();
    for (auto m = in.varint(); m > 0; --m) {
      tls_failures f;
      f.result_type = in.text();
      f.mx_host = in.text();
      f.mx_ip = in.text();
      f.source_ip = in.text();
      f.cause = in.text();
      f.count = in.varint();
      p.details.push_back(std::move(f));
    }
    d.policies.push_back(std::move(p));
  }
  if (!in.at_end()) throw decode_error{"bytes behind TLS counts"};
  return d;
}

std::string report_json(const report_head& h, const tls_day& d) {
  json::object range;
  range["start-datetime"] = time_text(h.day);
  range["end-datetime"] = time_text(h.day + day_length - std::chrono::seconds{1});
  json::array policies;
  for (const auto& p : d.policies) policies.push_back(object_of(p, h.domain));
  json::object out;
  out["organization-name"] = h.organization;
  out["date-range"] = std::move(range);
  out["contact-info"] = h.contact;
  out["report-id"] = h.report_id;
  out["policies"] = std::move(policies);
  return json::serialize(out);
}

std::string report_file_name(const report_head& h, std::string_view sender) {
  const auto seconds = [](instant t) { return std::to_string(to_ms(t) / 1000); };
  return std::string{sender} + '!' + h.domain + '!' + seconds(h.day) + '!' +
         seconds(h.day + day_length - std::chrono::seconds{1}) + '!' + h.report_id + ".json.gz";
}

std::vector<std::string> report_addresses(const std::vector<std::string>& txt) {
  std::vector<std::string> out;
  std::size_t records = 0;
  for (const auto& record : txt) {
    const auto fields = split(record, ';');
    if (trim(fields.front()) != "v=TLSRPTv1") continue;
    // Section 3: of several records none counts.
    if (++records > 1) return {};
    for (std::size_t i = 1; i < fields.size(); ++i) {
      const auto equals = fields[i].find('=');
      if (equals == std::string_view::npos || trim(fields[i].substr(0, equals)) != "rua") continue;
      for (const auto raw : split(fields[i].substr(equals + 1), ',')) {
        const auto uri = trim(raw);
        const bool is_known =
            ascii_istarts_with(uri, "mailto:") || ascii_istarts_with(uri, "https://");
        if (is_known && uri.size() <= uri_bytes_max && out.size() < uris_max) out.emplace_back(uri);
      }
    }
  }
  return out;
}

}  // namespace consentry::smtp::security

#include "reputation/feedback_report.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/text.h"
#include "reputation/report_parts.h"
#include "smtp/mime/header_text.h"

namespace consentry::reputation {
namespace {

namespace mime = smtp::mime;
using smtp::token_purpose;

constexpr std::size_t reports_max = 100;
constexpr std::size_t fields_max = 200;
constexpr std::size_t values_max = 50;  // of one repeated field

// --- the machine-readable part

std::string without_brackets(std::string_view s) {
  s = trim(s);
  if (s.starts_with('<') && s.ends_with('>')) s = s.substr(1, s.size() - 2);
  return std::string{s};
}

std::string without_comment(std::string_view s) {
  return std::string{trim(s.substr(0, s.find('(')))};
}

void add_value(std::vector<std::string>& values, std::string value) {
  if (values.size() < values_max && !value.empty()) values.push_back(std::move(value));
}

void take_field(feedback_report& r, const std::string& name, const std::string& value,
                std::vector<std::string>& problems) {
  if (name == "feedback-type") {
    if (r.type.empty()) r.type = ascii_lower(without_comment(value));
  } else if (name == "version") {
    r.version = value;
  } else if (name == "user-agent") {
    r.user_agent = value;
  } else if (name == "original-mail-from") {
    r.original_mail_from = without_brackets(value);
  } else if (name == "original-rcpt-to") {
    add_value(r.original_rcpt_to, without_brackets(value));
  } else if (name == "arrival-date" || name == "received-date") {
    r.arrival_date = value;
  } else if (name == "source-ip") {
    r.source_ip = without_comment(value);
  } else if (name == "incidents") {
    const std::string_view digits = trim(value);
    const auto end = digits.data() + digits.size();
    const auto parsed = std::from_chars(digits.data(), end, r.incidents);
    if (parsed.ec != std::errc{} || parsed.ptr != end || r.incidents == 0) {
      r.incidents = 1;
      problems.push_back("unreadable Incidents field");
    }
  } else if (name == "reported-domain") {
    add_value(r.reported_domain, ascii_lower(value));
  } else if (name == "reported-uri") {
    add_value(r.reported_uri, value);
  } else if (name == "reporting-mta") {
    r.reporting_mta = value;
  } else if (name == "authentication-results") {
    add_value(r.authentication_results, value);
  } else if (r.other_fields.size() < fields_max) {
    r.other_fields.emplace_back(name, value);
  }
}

feedback_report read_report(std::string_view text, std::vector<std::string>& problems) {
  feedback_report r;
  for (const auto& [name, value] : read_fields(text)) take_field(r, name, value, problems);
  if (r.type.empty()) {
    r.type = "other";
    problems.push_back("report without a Feedback-Type");
  }
  if (!r.original_mail_from.empty())
    collect_tokens(r.tokens, r.original_mail_from, token_purpose::return_path);
  collect_tokens(r.tokens, text);
  return r;
}

// --- the tree

std::string parent_prefix(const std::string& path) {
  const auto dot = path.rfind('.');
  return dot == std::string::npos ? std::string{} : path.substr(0, dot + 1);
}

bool is_report_part(const mime::part& p) {
  return p.type == "message/feedback-report" ||
         (p.type == "text/plain" && ascii_istarts_with(trim(p.text), "feedback-type:"));
}

// The reports of a mail. What looks like one inside the mail complained about was written by its
// sender, who may want the complaint to be taken for something else; it is one only where the mail
// itself is no report but brings one along (forwarded).
std::vector<std::size_t> find_reports(const part_list& parts, bool inside_enclosed) {
  const auto is_enclosed = enclosed_parts(parts);
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < parts.size(); ++i)
    if (is_enclosed[i] == inside_enclosed && is_report_part(parts[i])) out.push_back(i);
  return out;
}

void take_original(feedback_report& r, const part_list& parts, std::size_t index) {
  const mime::part& p = parts[index];
  if (!p.is_container) {
    r.original_headers = mime::walk(p.body).headers;
    collect_tokens(r.tokens, p.text);
  }
  for (std::size_t i = index + 1; p.is_container && i < parts.size(); ++i) {
    if (!is_of_enclosed(parts[i], p)) break;
    if (i == index + 1) r.original_headers = parts[i].headers;
    collect_tokens(r.tokens, parts[i].headers);
    collect_tokens(r.tokens, parts[i].text);
  }
  collect_tokens(r.tokens, r.original_headers);
}

// The original belongs to the report before it among the same siblings, or to the one behind it if
// that has none.
void assign_originals(parsed_feedback& out, const part_list& parts,
                      const std::vector<std::size_t>& report_at) {
  std::vector<bool> has_original(out.reports.size(), false);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (!is_original_part(parts[i])) continue;
    const std::string prefix = parent_prefix(parts[i].path);
    std::optional<std::size_t> owner;
    for (std::size_t r = 0; r < report_at.size(); ++r) {
      if (has_original[r] || parent_prefix(parts[report_at[r]].path) != prefix) continue;
      if (report_at[r] < i || !owner) owner = r;
    }
    if (!owner) continue;
    has_original[*owner] = true;
    take_original(out.reports[*owner], parts, i);
  }
  for (const bool has : has_original)
    if (!has) out.problems.push_back("report without the original mail or its header");
}

// --- what is not ARF

std::string field_text(const std::vector<mime::header_field>& fields, std::string_view name) {
  for (const auto& f : fields)
    if (ascii_iequals(f.name, name)) return f.text;
  return {};
}

// "complaint about message from 192.0.2.1" with the message attached, and the recipient in a field
// of its own.
std::optional<feedback_report> read_old_jmrp(const mime::walked_message& m) {
  const bool has_subject =
      ascii_istarts_with(field_text(m.headers, "Subject"), "complaint about message from");
  for (std::size_t i = 0; i < m.parts.size(); ++i) {
    if (!is_original_part(m.parts[i])) continue;
    feedback_report r;
    take_original(r, m.parts, i);
    const std::string rcpt = r.original_header("X-HmXmrOriginalRecipient");
    if (!has_subject && rcpt.empty()) continue;
    r.type = "abuse";
    add_value(r.original_rcpt_to, without_brackets(rcpt));
    if (has_subject) {
      const std::string subject = field_text(m.headers, "Subject");
      r.source_ip = std::string{trim(std::string_view{subject}.substr(28))};
    }
    return r;
  }
  return std::nullopt;
}

std::optional<feedback_report> read_apple_unsubscribe(const mime::walked_message& m) {
  if (!ascii_iequals(trim(field_text(m.headers, "X-Apple-Unsubscribe")), "true"))
    return std::nullopt;
  feedback_report r;
  r.type = "opt-out";
  r.arrival_date = field_text(m.headers, "Date");
  for (const char* name : {"To", "Delivered-To", "X-Original-To", "Subject"})
    collect_tokens(r.tokens, field_text(m.headers, name));
  return r;
}

// A report whose machine-readable part got lost.
std::optional<feedback_report> read_rest_of_report(const mime::walked_message& m,
                                                   bool inside_enclosed,
                                                   std::vector<std::string>& problems) {
  const auto is_enclosed = enclosed_parts(m.parts);
  for (std::size_t i = 0; i < m.parts.size(); ++i) {
    if (is_enclosed[i] != inside_enclosed) continue;
    const auto found = m.parts[i].params.find("report-type");
    if (m.parts[i].type != "multipart/report" || found == m.parts[i].params.end() ||
        !ascii_iequals(found->second, "feedback-report"))
      continue;
    feedback_report r;
    r.type = "other";
    problems.push_back("report without its machine-readable part");
    const auto original = std::find_if(m.parts.begin() + static_cast<std::ptrdiff_t>(i),
                                       m.parts.end(), is_original_part);
    if (original != m.parts.end())
      take_original(r, m.parts, static_cast<std::size_t>(original - m.parts.begin()));
    return r;
  }
  return std::nullopt;
}

}  // namespace

bool is_complaint(std::string_view type) noexcept {
  return type == "abuse" || type == "fraud" || type == "virus";
}

std::string feedback_report::original_header(std::string_view name) const {
  return field_text(original_headers, name);
}

parsed_feedback parse_feedback(const mime::walked_message& message) {
  parsed_feedback out;
  std::vector<std::size_t> report_at;
  std::optional<feedback_report> single;
  for (const bool inside_enclosed : {false, true}) {
    report_at = find_reports(message.parts, inside_enclosed);
    if (!report_at.empty()) break;
    if (!inside_enclosed) single = read_old_jmrp(message);
    if (!single) single = read_rest_of_report(message, inside_enclosed, out.problems);
    if (single) break;
  }
  if (report_at.size() > reports_max) {
    out.problems.push_back("more than " + std::to_string(reports_max) + " reports");
    report_at.resize(reports_max);
  }
  for (const auto i : report_at)
    out.reports.push_back(read_report(message.parts[i].text, out.problems));
  assign_originals(out, message.parts, report_at);
  if (out.reports.empty()) {
    if (!single) single = read_apple_unsubscribe(message);
    if (single) out.reports.push_back(std::move(*single));
  }
  // In a mail with one report everything speaks of that one.
  if (out.reports.size() == 1)
    for (const auto& p : message.parts) collect_tokens(out.reports.front().tokens, p.text);
  return out;
}

parsed_feedback parse_feedback(std::string_view message) {
  return parse_feedback(mime::walk(message));
}

}  // namespace consentry::reputation

#include "tests/golden/golden_case.h"

#include <algorithm>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>

#include "base/text.h"
#include "filters/scanner.h"
#include "policy/decision_facts.h"
#include "policy/policy_file.h"
#include "smtp/mime/mime_walk.h"
#include "tests/support/direct_reader.h"

namespace consentry::golden {

namespace {

std::string read_file(const std::filesystem::path& file) {
  std::ifstream in{file, std::ios::binary};
  if (!in) throw std::runtime_error(file.string() + ": cannot be read");
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

std::string with_crlf(const std::string& text) {
  std::string out;
  for (char c : text) {
    if (c == '\n' && !out.ends_with('\r')) out += '\r';
    out += c;
  }
  return out;
}

template <class T>
T known(const std::optional<T>& value) {
  if (!value) throw std::runtime_error("unknown value");
  return *value;
}

instant time_of(const std::string& v) {
  return known(parse_timestamp(v));
}
std::string text_of(const std::string& v) {
  return v == "-" ? "" : v;
}
bool flag_of(const std::string& v) {
  return known(v == "yes" ? std::optional{true} : v == "no" ? std::optional{false} : std::nullopt);
}

policy::phase phase_of(const std::string& v) {
  for (auto p : {policy::phase::rcpt, policy::phase::message, policy::phase::attempt})
    if (policy::to_string(p) == v) return p;
  throw std::runtime_error("unknown phase");
}

policy::suppression_facts suppression_of(const std::string& v) {
  using policy::suppression_cause;
  const auto words = split(v, ' ');
  for (auto c : {suppression_cause::complaint, suppression_cause::unsubscribe,
                 suppression_cause::bad_address, suppression_cause::desk})
    if (words.size() == 2 && policy::to_string(c) == words[0])
      return {c, time_of(std::string{words[1]})};
  throw std::runtime_error("unknown suppression");
}

policy::campaign_hold_facts campaign_hold_of(const std::string& v) {
  using policy::campaign_hold_cause;
  const auto words = split(v, ' ');
  for (auto c :
       {campaign_hold_cause::unproven, campaign_hold_cause::bounces, campaign_hold_cause::person,
        campaign_hold_cause::traps, campaign_hold_cause::unsubscribes, campaign_hold_cause::volume})
    if (words.size() == 4 && policy::to_string(c) == words[0])
      return {c, time_of(std::string{words[1]}), std::stoull(std::string{words[2]}),
              std::stoull(std::string{words[3]})};
  throw std::runtime_error("unknown hold");
}

// CATEGORY GRANTED LAST_DAY [ENDED]
policy::tenants::exemption exemption_of(const std::string& v, std::size_t known_ones) {
  const auto words = split(v, ' ');
  if (words.size() < 3 || words.size() > 4) throw std::runtime_error("unknown exemption");
  policy::tenants::exemption x;
  x.number = static_cast<std::uint32_t>(known_ones + 1);
  x.category = words[0];
  x.approver = "desk:anna";
  x.reason = "licence seen";
  x.granted_at = time_of(std::string{words[1]});
  x.last_day = known(parse_date(words[2]));
  if (words.size() == 4) x.ended_at = time_of(std::string{words[3]});
  return x;
}

using setter = std::function<void(const std::string&)>;

std::map<std::string, setter> message_names(golden_case& c) {
  auto& e = c.common;
  return {
      {"now", [&](auto& v) { e.now = time_of(v); }},
      {"phase", [&](auto& v) { e.phase = phase_of(v); }},
      {"stream", [&](auto& v) { e.stream = known(smtp::parse_stream(v)); }},
      {"tenant-state",
       [&](auto& v) { e.tenant_state = known(policy::tenants::parse_tenant_state(v)); }},
      {"bulk-blocked", [&](auto& v) { e.is_bulk_blocked = flag_of(v); }},
      {"campaign", [&](auto& v) { e.campaign = text_of(v); }},
      {"topic", [&](auto& v) { e.topic = text_of(v); }},
      {"permission-request", [&](auto& v) { e.is_permission_request = flag_of(v); }},
      {"exempt", [&](auto& v) { e.exemptions.push_back(exemption_of(v, e.exemptions.size())); }},
      {"campaign-hold", [&](auto& v) { e.campaign_hold = campaign_hold_of(v); }},
      {"preflight",
       [&](auto& v) {
         const auto blank = v.find(' ');
         e.preflight = policy::preflight_facts{
             .failures = blank == std::string::npos ? "" : v.substr(blank + 1),
             .checked_at = time_of(v.substr(0, blank))};
       }},
      {"verified-domains",
       [&](auto& v) {
         c.verified_domains.clear();
         for (auto d : split(v, ' ')) c.verified_domains.emplace_back(d);
       }},
  };
}

// A recipient as it is read: the record counts once something is known of a consent.
struct recipient_lines {
  policy::evidence e;
  policy::consent::consent_record record;
  std::vector<instant> delivered;
};

std::map<std::string, setter> recipient_names(recipient_lines& r) {
  auto& c = r.record;
  return {
      {"given", [&](auto& v) { c.given_at = time_of(v); }},
      {"confirmed", [&](auto& v) { c.confirmed_at = time_of(v); }},
      {"withdrawn", [&](auto& v) { c.withdrawn_at = time_of(v); }},
      {"unticked", [&](auto& v) { c.unticked_at = time_of(v); }},
      {"objected", [&](auto& v) { c.objected_at = time_of(v); }},
      {"delivered", [&](auto& v) { r.delivered.push_back(time_of(v)); }},
      {"declared", [&](auto& v) { c.declared_delivery_day = known(parse_date(v)); }},
      {"method", [&](auto& v) { c.method = text_of(v); }},
      {"provenance", [&](auto& v) { c.provenance = text_of(v); }},
      {"notice", [&](auto& v) { c.notice.hash = text_of(v); }},
      {"tick", [&](auto& v) { c.tick = known(policy::consent::parse_tick_state(v)); }},
      {"purchase", [&](auto& v) { c.purchase_day = known(parse_date(v)); }},
      {"expires", [&](auto& v) { c.expires_on = known(parse_date(v)); }},
      {"signed-up", [&](auto& v) { r.e.sign_up = policy::sign_up_facts{.at = time_of(v)}; }},
      {"confirmation-sent", [&](auto& v) { r.e.sign_up.value().is_mailed = v == "yes"; }},
      {"template", [&](auto& v) { r.e.is_doi_template_approved = v == "approved"; }},
      {"suppressed", [&](auto& v) { r.e.suppression = suppression_of(v); }},
  };
}

void finish_recipient(golden_case& c, recipient_lines& r) {
  if (r.record.given_at || r.record.withdrawn_at) {
    std::uint64_t id = 0;
    for (auto t : r.delivered) policy::consent::add_delivery(r.record, {t, recipient_id{++id}});
    r.e.consent = r.record;
  }
  c.recipients.push_back(std::move(r.e));
}

recipient_lines begin_recipient(const golden_case& c, const std::string& address) {
  recipient_lines r;
  r.e = c.common;
  r.e.recipient = address;
  r.record.sender = c.common.sender_identity;
  r.record.topic = c.common.topic;
  r.record.method = "web_form";
  r.record.provenance = "own_form";
  r.record.notice.hash = "sha256:5d41";
  return r;
}

void read_envelope(golden_case& c, std::istream& in) {
  auto names = message_names(c);
  std::unique_ptr<recipient_lines> open;
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    if (trim(line).empty() || line.starts_with('#')) continue;
    const auto colon = line.find(':');
    const std::string name{trim(line.substr(0, colon))};
    const std::string value{colon == line.npos ? ""
                                               : trim(std::string_view{line}.substr(colon + 1))};
    try {
      if (name == "recipient") {
        if (open) finish_recipient(c, *open);
        open = std::make_unique<recipient_lines>(begin_recipient(c, value));
        names = recipient_names(*open);
        continue;
      }
      const auto found = names.find(name);
      if (found == names.end()) throw std::runtime_error("unknown name " + name);
      found->second(value);
    } catch (const std::exception& e) {
      throw std::runtime_error((c.folder / "envelope.txt").string() + ":" + std::to_string(number) +
                               ": " + e.what());
    }
  }
  if (!open) throw std::runtime_error((c.folder / "envelope.txt").string() + ": no recipient");
  finish_recipient(c, *open);
}

}  // namespace

golden_case read_case(const std::filesystem::path& folder) {
  golden_case c;
  c.folder = folder;
  c.message = with_crlf(read_file(folder / "message.eml"));
  if (exists(folder / "policy.toml")) c.knobs = policy::read_policy_file(folder / "policy.toml");
  c.verified_domains = {"shop.example"};
  c.common.tenant_name = "shop";
  c.common.tenant_state = policy::tenants::tenant_state::active;
  c.common.campaign = "spring";
  c.common.topic = "news";
  c.common.sender_identity = "Shop Kft.";
  std::istringstream in{read_file(folder / "envelope.txt")};
  read_envelope(c, in);
  return c;
}

golden_answer answer(const golden_case& c, const filters::pattern_database& patterns) {
  const auto is_verified = [&](std::string_view domain) {
    return std::ranges::find(c.verified_domains, domain) != c.verified_domains.end();
  };
  const auto mail = smtp::mime::walk(c.message);
  const filters::sender_facts sender{is_verified};
  const tests::direct_reader reader;
  const auto scan = filters::scan(mail, patterns,
                                  {.sender = sender,
                                   .attachments = {.reader = &reader, .limits = {}},
                                   .sender_name = c.common.sender_identity});
  const auto header = filters::check_headers(mail, sender, patterns.brands());
  const auto set = policy::make_policy_set(c.knobs, "golden");
  golden_answer out;
  std::uint32_t count = 0;
  for (auto e : c.recipients) {
    e.recipient_count = ++count;
    e.scan = &scan;
    e.sender_domain = header.from_domain;
    e.domain_status = header.from_domain.empty()        ? policy::sender_domain_status::unknown
                      : is_verified(header.from_domain) ? policy::sender_domain_status::verified
                                                        : policy::sender_domain_status::foreign;
    auto v = policy::judge(*set, e);
    const auto line = [&e](const policy::verdict& told) {
      return e.recipient + ": " + std::string{policy::to_string(told.decision)} + " " +
             told.reason + " " + told.rule + "\n";
    };
    const auto kept = policy::recall(policy::encode_message_facts(e),
                                     policy::encode_recipient_facts(e, "somebody"));
    out.decisions += line(v);
    out.replayed += line(policy::judge(*set, kept.with_scan()));
    // The version changes with every new knob; what it says about this case does not.
    v.policy_version = "golden";
    out.verdict += e.recipient + ": " + std::string{policy::to_string(v.decision)};
    if (!v.rule.empty()) out.verdict += " (" + v.rule + ")";
    out.verdict += "\n  " + smtp::to_string(policy::to_reply(v)) + "\n";
    out.why += "== " + e.recipient + "\n" + policy::to_text(policy::explain(v, e)) + "\n";
  }
  return out;
}

}  // namespace consentry::golden

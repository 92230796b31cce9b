#include "smtp/auth/sender_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/ascii_text.h"
#include "base/text.h"
#include "smtp/auth/spf_record.h"

namespace consentry::smtp::auth {
namespace {

constexpr std::size_t shown_octets_max = 300;

using tags = std::map<std::string, std::string, std::less<>>;

// RFC 6376 section 3.2; white space within values goes.
tags tags_of(std::string_view text) {
  tags out;
  for (const auto part : split(text, ';')) {
    const auto equals = part.find('=');
    if (equals == std::string_view::npos) continue;
    std::string value;
    for (const char c : part.substr(equals + 1))
      if (c != ' ' && c != '\t' && c != '\r' && c != '\n') value += c;
    out.emplace(std::string{trim(part.substr(0, equals))}, std::move(value));
  }
  return out;
}

std::string tag(const tags& t, std::string_view name, std::string_view otherwise = {}) {
  const auto found = t.find(name);
  return found == t.end() ? std::string{otherwise} : found->second;
}

bool lists(std::string_view list, std::string_view word) {
  for (const auto w : split(list, ':'))
    if (ascii_iequals(w, word) || w == "*") return true;
  return false;
}

struct key_finding {
  const published_key* key = nullptr;
  const char* fault = nullptr;  // nullptr: it is good
  std::string seen;
};

// Nobody knows which of several records a receiver takes: all have to be good.
key_finding look_at(const published_key& k) {
  key_finding out{.key = &k};
  if (!k.texts) {
    out.fault = "unknown";
    return out;
  }
  if (k.texts->empty()) {
    out.fault = "missing";
    return out;
  }
  for (const auto& t : *k.texts)
    if (const auto* fault = fault_of_key_record(t, k.value); fault != nullptr) {
      out.fault = fault;
      out.seen = printable_ascii(t, shown_octets_max);
    }
  return out;
}

wanted_record record_for(const key_finding& f) {
  const bool is_new = !f.key->texts || f.key->texts->empty();
  return {.act = is_new ? record_act::add : record_act::replace,
          .name = f.key->name,
          .type = "TXT",
          .value = f.key->value,
          .instead_of = f.seen};
}

bool is_permitted(spf::spf_result r) {
  return r == spf::spf_result::pass;
}

struct spf_summary {
  std::vector<std::string> refused;  // addresses that do not pass
  std::string first;                 // "192.0.2.1: fail"
  bool is_unknown = false;
  bool is_broken = false;  // permerror
};

spf_summary summary_of(const std::vector<egress_answer>& answers) {
  spf_summary out;
  for (const auto& a : answers) {
    if (a.verdict.result == spf::spf_result::temperror) out.is_unknown = true;
    if (is_permitted(a.verdict.result) || a.verdict.result == spf::spf_result::temperror) continue;
    out.is_broken = out.is_broken || a.verdict.result == spf::spf_result::permerror;
    out.refused.push_back(a.address);
    if (!out.first.empty()) continue;
    out.first = fmt::format("{}: {}", a.address, to_string(a.verdict.result));
    if (!a.verdict.why.empty())
      out.first += fmt::format(" ({})", printable_ascii(a.verdict.why, shown_octets_max));
  }
  return out;
}

// nullopt: what stands there, or what would have to, is nothing to hand on.
std::optional<wanted_record> spf_record_for(const std::string& domain,
                                            const std::vector<std::string>& refused,
                                            const std::vector<std::string>& present) {
  if (!std::ranges::all_of(present, is_publishable)) return std::nullopt;
  auto value = spf_record_with(refused, present);
  if (!is_publishable(value)) return std::nullopt;
  std::string seen;
  for (const auto& p : present)
    if (seen.size() < shown_octets_max)
      seen += (seen.empty() ? "" : " | ") + printable_ascii(p, shown_octets_max);
  return wanted_record{.act = present.empty() ? record_act::add : record_act::replace,
                       .name = domain,
                       .type = "TXT",
                       .value = std::move(value),
                       .instead_of = std::move(seen)};
}

sender_check spf_check_of(std::string what, check_state at_worst, const std::string& domain,
                          const std::vector<egress_answer>& answers,
                          const std::optional<std::vector<std::string>>& texts) {
  sender_check c{.what = std::move(what)};
  const auto say = [&](check_state s, std::string_view reason, std::string text) {
    c.state = s;
    c.reason = s == check_state::pass ? "ok" : fmt::format("{}.{}", c.what, reason);
    c.text = std::move(text);
  };
  if (answers.empty()) {
    say(check_state::unknown, "no_address",
        "The addresses that mail leaves from are not configured ([preflight] addresses), so SPF "
        "cannot be asked.");
    return c;
  }
  const auto s = summary_of(answers);
  const bool is_known = s.refused.empty() ? !s.is_unknown : texts.has_value();
  if (!is_known) {
    say(check_state::unknown, "dns", "The DNS gives no trustworthy answer on the SPF of " + domain);
    return c;
  }
  if (s.refused.empty()) {
    say(check_state::pass, "ok",
        fmt::format("The SPF record of {} permits every address that mail leaves from.", domain));
    return c;
  }
  const auto present = spf_records_of(*texts);
  const auto record = spf_record_for(domain, s.refused, present);
  if (!record)
    say(at_worst, "unprintable",
        fmt::format("The SPF record of {} is too long, or holds more than printable ASCII.",
                    domain));
  else if (present.size() > 1)
    say(at_worst, "several",
        fmt::format("{} has {} SPF records; only one may stand (RFC 7208 3.2).", domain,
                    present.size()));
  else if (s.is_broken)
    say(at_worst, "broken",
        fmt::format("The SPF record of {} cannot be evaluated: {}.", domain, s.first));
  else if (present.empty())
    say(at_worst, "missing", fmt::format("{} has no SPF record.", domain));
  else
    say(at_worst, "not_permitted",
        fmt::format("The SPF record of {} does not permit the gateway: {}.", domain, s.first));
  if (record) c.records.push_back(*record);
  return c;
}

}  // namespace

const char* fault_of_key_record(std::string_view text, std::string_view ours) {
  const auto theirs = tags_of(text);
  const auto wanted = tags_of(ours);
  if (const auto v = tag(theirs, "v", "DKIM1"); v != "DKIM1") return "no_key";
  const auto p = theirs.find("p");
  if (p == theirs.end()) return "no_key";
  if (p->second.empty()) return "revoked";
  if (!ascii_iequals(tag(theirs, "k", "rsa"), tag(wanted, "k", "rsa")) ||
      p->second != tag(wanted, "p"))
    return "differs";
  if (const auto h = theirs.find("h"); h != theirs.end() && !lists(h->second, "sha256"))
    return "hash";
  if (const auto s = theirs.find("s"); s != theirs.end() && !lists(s->second, "email"))
    return "service";
  if (const auto t = theirs.find("t"); t != theirs.end() && lists(t->second, "y")) return "testing";
  return nullptr;
}

sender_check check_dkim(const std::vector<published_key>& keys) {
  sender_check c{.what = "dkim"};
  std::vector<key_finding> found;
  for (const auto& k : keys) found.push_back(look_at(k));
  // t=y asks receivers to be lenient; the signature verifies all the same.
  const auto is_good_rsa = [](const key_finding& f) {
    return f.key->is_rsa && (f.fault == nullptr || f.fault == std::string_view{"testing"});
  };
  const bool has_rsa = std::ranges::any_of(found, is_good_rsa);
  const key_finding* worst = nullptr;
  bool is_unknown = false;
  for (const auto& f : found) {
    if (f.fault == nullptr) continue;
    if (f.fault == std::string_view{"unknown"}) {
      is_unknown = is_unknown || f.key->is_rsa;
      c.is_part_unknown = true;
      continue;
    }
    if (worst == nullptr) worst = &f;
    c.records.push_back(record_for(f));
  }
  const auto say = [&c](check_state s, std::string reason, std::string text) {
    c.state = s;
    c.reason = std::move(reason);
    c.text = std::move(text);
  };
  if (keys.empty()) {
    say(check_state::fail, "dkim.no_key", "The gateway has no DKIM key for this domain.");
  } else if (!has_rsa && is_unknown) {
    say(check_state::unknown, "dkim.dns", "The DNS gives no trustworthy answer on the DKIM keys.");
  } else if (!has_rsa) {
    const std::string fault = worst == nullptr ? "missing" : worst->fault;
    say(check_state::fail, "dkim." + fault,
        fmt::format("No signature can be verified: {} {}.",
                    worst == nullptr ? "the RSA key" : worst->key->name,
                    fault == "missing"   ? "does not exist"
                    : fault == "differs" ? "holds another key than ours"
                    : fault == "revoked" ? "is revoked (p= is empty)"
                    : fault == "no_key"  ? "is no key record"
                                         : "does not allow our signatures"));
  } else if (worst != nullptr) {
    say(check_state::warn, std::string{"dkim.second_"} + worst->fault,
        fmt::format("The signatures verify, but {} is not as it should be.", worst->key->name));
  } else if (c.is_part_unknown) {
    say(check_state::pass, "ok", "The signatures verify; not every key could be looked up.");
  } else {
    say(check_state::pass, "ok", "The published keys are ours, and aligned with From.");
  }
  c.is_part_unknown = c.is_part_unknown && has_rsa;
  return c;
}

sender_check check_dmarc(const std::string& domain, const result<dmarc_discovery>& found) {
  sender_check c{.what = "dmarc"};
  const auto say = [&c](check_state s, std::string reason, std::string text) {
    c.state = s;
    c.reason = std::move(reason);
    c.text = std::move(text);
  };
  if (!found) {
    say(check_state::unknown, "dmarc.dns", "The DNS gives no trustworthy answer on DMARC.");
    return c;
  }
  const auto& policy = found->policy;
  std::string seen;
  for (const auto& b : found->broken) seen += (seen.empty() ? "" : " | ") + b;
  if (policy && policy->domain == domain && !policy->record.is_usable()) seen = policy->text;
  const wanted_record wanted{.act = seen.empty() ? record_act::add : record_act::replace,
                             .name = "_dmarc." + domain,
                             .type = "TXT",
                             .value = "v=DMARC1; p=none; rua=mailto:postmaster@" + domain,
                             .instead_of = seen};
  if (!policy || !policy->record.is_usable()) {
    say(check_state::fail, seen.empty() ? "dmarc.missing" : "dmarc.broken",
        seen.empty()
            ? fmt::format("Neither {} nor its organization has a DMARC record.", domain)
            : fmt::format("What stands at _dmarc.{} is no DMARC record that counts.", domain));
    c.records.push_back(wanted);
  } else if (policy->domain != domain && !found->broken.empty()) {
    say(check_state::warn, "dmarc.broken",
        fmt::format("What stands at _dmarc.{} does not count; the policy of {} applies.", domain,
                    policy->domain));
    c.records.push_back(wanted);
  } else if (found->is_of_suffix) {
    say(check_state::warn, "dmarc.suffix_only",
        fmt::format("Only the public suffix {} has a DMARC record, {} has none.", policy->domain,
                    domain));
    c.records.push_back(wanted);
  } else if (!policy->record.is_policy_sound) {
    say(check_state::warn, "dmarc.no_policy",
        fmt::format("The DMARC record at _dmarc.{} has no sound p=; it counts as p=none.",
                    policy->domain));
  } else {
    say(check_state::pass, "ok",
        fmt::format("The policy of {} applies: p={}.", policy->domain,
                    to_string(policy->record.policy)));
  }
  return c;
}

sender_check check_own_spf(const std::string& domain, const std::vector<egress_answer>& answers,
                           const std::optional<std::vector<std::string>>& texts) {
  return spf_check_of("spf", check_state::warn, domain, answers, texts);
}

sender_check check_return_path(const std::string& domain, const std::vector<egress_answer>& answers,
                               const std::optional<std::vector<std::string>>& texts,
                               const std::string& from, const result<dmarc_discovery>& from_policy,
                               const result<dmarc_discovery>& own_policy) {
  auto c = spf_check_of("return_path", check_state::fail, domain, answers, texts);
  for (auto& r : c.records) r.is_operators = true;
  if (c.state != check_state::pass || !from_policy || !own_policy) return c;
  const bool is_strict = from_policy->policy && from_policy->policy->record.is_spf_strict;
  c.text +=
      is_dmarc_aligned(from, from_policy->organization, domain, own_policy->organization, is_strict)
          ? " It is aligned with From as well."
          : " It is not aligned with From: DKIM alone carries DMARC.";
  return c;
}

}  // namespace consentry::smtp::auth

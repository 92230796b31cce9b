#include "smtp/auth/dmarc.h"

#include <algorithm>

#include "base/ascii_text.h"
#include "base/text.h"

namespace consentry::smtp::auth {

namespace asio = boost::asio;

namespace {

constexpr std::size_t labels_asked_max = 8;  // of the first name; of longer ones the last seven
constexpr std::size_t record_octets_max = 4096;
constexpr std::size_t shown_octets_max = 300;
constexpr std::size_t broken_max = 4;

std::optional<dmarc_policy> policy_of(std::string_view value) {
  if (ascii_iequals(value, "none")) return dmarc_policy::none;
  if (ascii_iequals(value, "quarantine")) return dmarc_policy::quarantine;
  if (ascii_iequals(value, "reject")) return dmarc_policy::reject;
  return std::nullopt;
}

bool names_mailbox(std::string_view uris) {
  for (const auto part : split(uris, ',')) {
    const auto uri = trim(part);
    constexpr std::string_view scheme = "mailto:";
    if (!ascii_istarts_with(uri, scheme)) continue;
    const auto at = uri.find('@');
    if (at != std::string_view::npos && at > scheme.size() && at + 1 < uri.size()) return true;
  }
  return false;
}

// What the tags say; a tag that comes twice counts as it comes last.
void take_tag(dmarc_record& r, std::string_view name, std::string_view value, bool& has_policy) {
  const auto is = [&](std::string_view n) { return ascii_iequals(name, n); };
  if (is("p")) {
    const auto p = policy_of(value);
    has_policy = p.has_value();
    r.policy = p.value_or(dmarc_policy::none);
  } else if (is("sp")) {
    r.subdomain_policy = policy_of(value);
    if (!r.subdomain_policy) r.is_policy_sound = false;
  } else if (is("np")) {
    r.nonexistent_policy = policy_of(value);
    if (!r.nonexistent_policy) r.is_policy_sound = false;
  } else if (is("adkim")) {
    r.is_dkim_strict = ascii_iequals(value, "s");
  } else if (is("aspf")) {
    r.is_spf_strict = ascii_iequals(value, "s");
  } else if (is("t")) {
    r.is_test = ascii_iequals(value, "y");
  } else if (is("psd")) {
    r.psd = ascii_iequals(value, "y")   ? dmarc_psd::yes
            : ascii_iequals(value, "n") ? dmarc_psd::no
                                        : dmarc_psd::unsaid;
  } else if (is("rua")) {
    r.has_reports = names_mailbox(value);
  }
}

std::size_t label_count(std::string_view domain) {
  return domain.empty() ? 0 : 1 + static_cast<std::size_t>(std::ranges::count(domain, '.'));
}

std::string_view parent_of(std::string_view domain) {
  const auto dot = domain.find('.');
  return dot == std::string_view::npos ? std::string_view{} : domain.substr(dot + 1);
}

// Section 4.10 step 2: what is no DMARC record does not count, and of several none does.
std::optional<dmarc_finding> only_record(const std::vector<std::string>& texts,
                                         const std::string& domain) {
  std::optional<dmarc_finding> found;
  for (const auto& t : texts) {
    auto record = parse_dmarc(t);
    if (!record) continue;
    if (found) return std::nullopt;
    found = {.domain = domain, .text = printable_ascii(t, shown_octets_max), .record = *record};
  }
  return found;
}

struct walk_result {
  std::vector<dmarc_finding> found;  // from the domain upwards
  std::vector<std::string> broken;
};

// Section 4.10.2.
std::string organization_of(const walk_result& w, const std::string& domain) {
  for (const auto& f : w.found)
    if (f.record.psd == dmarc_psd::no) return f.domain;
  for (const auto& f : w.found)
    if (f.record.psd == dmarc_psd::yes && f.domain != domain) {
      // One label below the suffix.
      const auto labels = label_count(f.domain) + 1;
      std::string_view name = domain;
      while (label_count(name) > labels) name = parent_of(name);
      return std::string{name};
    }
  return w.found.empty() ? domain : w.found.back().domain;
}

}  // namespace

std::string_view to_string(dmarc_policy p) noexcept {
  switch (p) {
    case dmarc_policy::none:
      return "none";
    case dmarc_policy::quarantine:
      return "quarantine";
    case dmarc_policy::reject:
      return "reject";
  }
  return "unknown";
}

std::optional<dmarc_record> parse_dmarc(std::string_view txt) {
  if (txt.size() > record_octets_max) return std::nullopt;
  dmarc_record r;
  bool is_first = true, has_policy = false;
  for (const auto part : split(txt, ';')) {
    const auto equals = part.find('=');
    const auto name = trim(part.substr(0, equals));
    const auto value =
        equals == std::string_view::npos ? std::string_view{} : trim(part.substr(equals + 1));
    if (is_first) {
      // The version stands first, in this very form (section 4.7).
      if (name != "v" || value != "DMARC1") return std::nullopt;
      is_first = false;
      continue;
    }
    take_tag(r, name, value, has_policy);
  }
  if (is_first) return std::nullopt;
  if (!has_policy) r.is_policy_sound = false;
  // Section 4.10.1: what is not sound is taken as p=none.
  if (!r.is_policy_sound) r.policy = dmarc_policy::none;
  return r;
}

std::vector<std::string> dmarc_walk(std::string_view domain) {
  std::vector<std::string> out;
  if (domain.ends_with('.')) domain.remove_suffix(1);
  if (domain.empty()) return out;
  out.emplace_back(domain);
  auto next = parent_of(domain);
  while (label_count(next) >= labels_asked_max) next = parent_of(next);
  for (; !next.empty(); next = parent_of(next)) out.emplace_back(next);
  return out;
}

namespace {

asio::awaitable<result<walk_result>> walk(txt_lookup lookup, std::string domain) {
  walk_result out;
  const auto names = dmarc_walk(domain);
  for (const auto& name : names) {
    std::string asked = "_dmarc." + name;
    const auto texts = co_await lookup(std::move(asked));
    if (!texts && texts.error().kind != failure_kind::not_found) {
      // What was found below stands, whatever is above it; and a top-level domain can only have a
      // suffix's record, which is not worth waiting for.
      if (!out.found.empty() || label_count(name) == 1) break;
      co_return texts.error();
    }
    if (!texts) continue;
    auto record = only_record(*texts, name);
    if (!record) {
      if (name == domain)
        for (const auto& t : *texts)
          if (out.broken.size() < broken_max)
            out.broken.push_back(printable_ascii(t, shown_octets_max));
      continue;
    }
    const auto psd = record->record.psd;
    out.found.push_back(std::move(*record));
    // Steps 2 and 6: here the organization, or the suffix above it, is known.
    if (psd == dmarc_psd::no || (psd == dmarc_psd::yes && name != domain)) break;
  }
  co_return out;
}

}  // namespace

asio::awaitable<result<dmarc_discovery>> discover_dmarc(txt_lookup lookup, std::string domain) {
  if (domain.ends_with('.')) domain.pop_back();
  auto walked = co_await walk(std::move(lookup), domain);
  if (!walked) co_return walked.error();
  dmarc_discovery out;
  out.organization = organization_of(*walked, domain);
  out.broken = std::move(walked->broken);
  // Section 4.10.1: the domain's own, else its organization's, else the suffix's.
  const auto at = [&](std::string_view name) {
    return std::ranges::find_if(walked->found, [&](const auto& f) { return f.domain == name; });
  };
  auto chosen = at(domain);
  if (chosen == walked->found.end()) chosen = at(out.organization);
  if (chosen == walked->found.end())
    chosen = std::ranges::find_if(walked->found,
                                  [](const auto& f) { return f.record.psd == dmarc_psd::yes; });
  if (chosen != walked->found.end()) {
    out.is_of_suffix = chosen->record.psd == dmarc_psd::yes && chosen->domain != domain;
    out.policy = std::move(*chosen);
  }
  co_return out;
}

bool is_dmarc_aligned(std::string_view from, std::string_view from_organization,
                      std::string_view other, std::string_view other_organization,
                      bool is_strict) noexcept {
  if (other.empty()) return false;
  if (ascii_iequals(from, other)) return true;
  return !is_strict && ascii_iequals(from_organization, other_organization);
}

}  // namespace consentry::smtp::auth

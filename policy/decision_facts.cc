#include "policy/decision_facts.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>

#include "base/bytes.h"

// message = u8 version(1), u8 phase stream state domain, zigzag now_ms, varint flags recipients,
//   text tenant campaign topic identity domain, [u8 cause, zigzag since_ms, varint part whole],
//   [text import, varint score], [varint n, (varint number, text exemption)*],
//   [text failures, zigzag checked_ms],
//   [varint n, finding*, varint n, (text category, number)*]
// finding = text pattern category language, u8 zone view, number weight score, varint flags times
// recipient = u8 version(1), varint flags, text person, [consent], [u8 cause, zigzag since_ms],
//   [zigzag sign_up_ms]
// consent = varint flags, text method provenance, u8 tick, then each of its times and days whose
//   flag is set: zigzag
// number = varint n: even, n / 2 thousandths; 1: be64 IEEE 754

namespace consentry::policy {

namespace {

constexpr std::uint8_t facts_version = 1;

namespace in_message {
constexpr std::uint64_t bulk_by_content = 1, bulk_blocked = 2, permission_request = 4, held = 8,
                        suspect = 16, approved = 32, scan = 64, unscannable = 128,
                        names_sender = 256, exempt = 512, preflight = 1024;
}
namespace in_recipient {
constexpr std::uint64_t with_consent = 1, suppression = 2, sign_up = 4, mailed = 8;
}
// Of the consent: bits above these are its times and days, in the order of for_each_mark.
constexpr std::uint64_t has_notice = 1, has_evidence = 2, box_known = 4, box_ticked = 8;
constexpr int first_mark_bit = 4;
constexpr std::uint64_t is_conclusive = 1;

void write_number(byte_writer& w, double d) {
  const double thousandths = std::nearbyint(d * 1000);
  if (thousandths >= 0 && thousandths < 1e12 && thousandths / 1000 == d) {
    w.varint(static_cast<std::uint64_t>(thousandths) * 2);
  } else {
    w.varint(1).be64(std::bit_cast<std::uint64_t>(d));
  }
}

double read_number(byte_reader& r) {
  const auto n = r.varint();
  if (n == 1) return std::bit_cast<double>(r.be64());
  if (n % 2 != 0) throw decode_error{"number"};
  return static_cast<double>(n / 2) / 1000;
}

template <class Enum>
Enum read_enum(byte_reader& r, Enum last, const char* what) {
  const auto n = r.u8();
  if (n > static_cast<std::uint8_t>(last)) throw decode_error{what};
  return static_cast<Enum>(n);
}

template <class Enum>
std::uint8_t number_of(Enum e) {
  return static_cast<std::uint8_t>(e);
}

void expect_version(byte_reader& r) {
  if (r.u8() != facts_version) throw decode_error{"facts of another version"};
}

// One finding per pattern stands for all of its hits: the counted one comes first in a scan.
void write_scan(byte_writer& w, const filters::scan_result& s) {
  std::vector<const filters::finding*> first;
  std::map<std::string_view, std::uint64_t> times;
  for (const auto& f : s.findings)
    if (++times[f.pattern] == 1) first.push_back(&f);
  w.varint(first.size());
  for (const auto* f : first) {
    w.text(f->pattern).text(f->category).text(f->language);
    w.u8(number_of(f->zone)).u8(static_cast<std::uint8_t>(f->view));
    write_number(w, f->weight);
    write_number(w, f->score);
    w.varint(f->conclusive ? is_conclusive : 0).varint(times[f->pattern]);
  }
  w.varint(s.scores.size());
  for (const auto& [category, score] : s.scores) {
    w.text(category);
    write_number(w, score);
  }
}

filters::scan_result read_scan(byte_reader& r) {
  filters::scan_result s;
  for (auto n = r.varint(); n > 0; --n) {
    filters::finding f;
    f.pattern = r.text();
    f.category = r.text();
    f.language = r.text();
    f.zone = read_enum(r, filters::zone::hidden, "zone");
    f.view = r.u8();
    f.weight = read_number(r);
    f.score = read_number(r);
    f.conclusive = (r.varint() & is_conclusive) != 0;
    r.varint();
    s.findings.push_back(std::move(f));
  }
  for (auto n = r.varint(); n > 0; --n) {
    std::string category{r.text()};
    s.scores[std::move(category)] = read_number(r);
  }
  return s;
}

// A consent's times and days, always in this order.
template <class Record, class Time, class Day, class Delivery>
void for_each_mark(Record& c, Time time, Day day, Delivery delivery) {
  time(c.given_at);
  time(c.confirmed_at);
  time(c.withdrawn_at);
  time(c.unticked_at);
  time(c.objected_at);
  delivery(c.first_delivery);
  delivery(c.last_delivery);
  day(c.purchase_day);
  day(c.expires_on);
  day(c.declared_delivery_day);
}

void write_consent(byte_writer& w, const consent::consent_record& c) {
  std::uint64_t flags = 0;
  if (!c.notice.hash.empty()) flags |= has_notice;
  if (!c.evidence_reference.empty()) flags |= has_evidence;
  if (c.box_came_ticked) flags |= box_known | (*c.box_came_ticked ? box_ticked : 0);
  byte_writer marks;
  int bit = first_mark_bit;
  const auto note = [&](bool is_there) {
    if (is_there) flags |= std::uint64_t{1} << bit;
    ++bit;
    return is_there;
  };
  for_each_mark(
      c,
      [&](const auto& t) {
        if (note(t.has_value())) marks.zigzag(to_ms(*t));
      },
      [&](const auto& d) {
        if (note(d.has_value())) marks.zigzag(std::chrono::sys_days{*d}.time_since_epoch().count());
      },
      [&](const auto& m) {
        if (note(m.has_value())) marks.zigzag(to_ms(m->at));
      });
  w.varint(flags).text(c.method).text(c.provenance).u8(number_of(c.tick)).raw(marks.bytes());
}

consent::consent_record read_consent(byte_reader& r) {
  const std::string kept = "kept";  // what it said is not
  consent::consent_record c;
  const auto flags = r.varint();
  if ((flags & has_notice) != 0) c.notice.hash = kept;
  if ((flags & has_evidence) != 0) c.evidence_reference = kept;
  if ((flags & box_known) != 0) c.box_came_ticked = (flags & box_ticked) != 0;
  c.method = r.text();
  c.provenance = r.text();
  c.tick = read_enum(r, consent::tick_state::unticked, "tick");
  int bit = first_mark_bit;
  const auto is_there = [&] { return (flags >> bit++ & 1) != 0; };
  for_each_mark(
      c,
      [&](auto& t) {
        if (is_there()) t = from_ms(r.zigzag());
      },
      [&](auto& d) {
        if (is_there())
          d = civil_date{
              std::chrono::sys_days{std::chrono::days{static_cast<std::int32_t>(r.zigzag())}}};
      },
      [&](auto& m) {
        if (is_there()) m = consent::delivery_mark{.at = from_ms(r.zigzag()), .recipient = {}};
      });
  return c;
}

// Those that counted then; the others decide nothing, now or later.
std::vector<const tenants::exemption*> counting(const evidence& e) {
  std::vector<const tenants::exemption*> out;
  for (const auto& x : e.exemptions)
    if (x.counts_at(e.now) && tenants::is_exemptible(x.category)) out.push_back(&x);
  return out;
}

std::uint64_t flags_of(const evidence& e) {
  using namespace in_message;
  std::uint64_t flags = 0;
  const auto note = [&](bool is, std::uint64_t bit) { flags |= is ? bit : 0; };
  note(e.is_bulk_by_content, bulk_by_content);
  note(e.is_bulk_blocked, bulk_blocked);
  note(e.is_permission_request, permission_request);
  note(e.campaign_hold.has_value(), held);
  note(e.suspect.has_value(), suspect);
  note(e.is_doi_template_approved, approved);
  note(!counting(e).empty(), exempt);
  note(e.preflight.has_value(), preflight);
  note(e.scan != nullptr, scan);
  note(e.scan != nullptr && e.scan->unscannable, unscannable);
  note(e.scan != nullptr && e.scan->shows_sender_name, names_sender);
  return flags;
}

void read_message(byte_reader r, recalled_evidence& out) {
  using namespace in_message;
  auto& e = out.evidence;
  expect_version(r);
  e.phase = read_enum(r, phase::attempt, "phase");
  e.stream = read_enum(r, smtp::stream::doi, "stream");
  e.tenant_state = read_enum(r, tenants::tenant_state::terminated, "tenant state");
  e.domain_status = read_enum(r, sender_domain_status::foreign, "domain status");
  e.now = from_ms(r.zigzag());
  const auto flags = r.varint();
  e.recipient_count = static_cast<std::uint32_t>(r.varint());
  e.tenant_name = r.text();
  e.campaign = r.text();
  e.topic = r.text();
  e.sender_identity = r.text();
  e.sender_domain = r.text();
  e.is_bulk_by_content = (flags & bulk_by_content) != 0;
  e.is_bulk_blocked = (flags & bulk_blocked) != 0;
  e.is_permission_request = (flags & permission_request) != 0;
  e.is_doi_template_approved = (flags & approved) != 0;
  if ((flags & held) != 0) {
    campaign_hold_facts h;
    h.cause = read_enum(r, campaign_hold_cause_last, "campaign hold");
    h.since = from_ms(r.zigzag());
    h.part = r.varint();
    h.whole = r.varint();
    e.campaign_hold = h;
  }
  if ((flags & suspect) != 0) {
    suspect_import s;
    s.import = r.text();
    s.score = static_cast<int>(r.varint());
    e.suspect = s;
  }
  if ((flags & exempt) != 0)
    for (auto n = r.varint(); n > 0; --n) {
      const auto number = static_cast<std::uint32_t>(r.varint());
      e.exemptions.push_back(tenants::decode_exemption(number, r.text()));
    }
  if ((flags & preflight) != 0) {
    preflight_facts p;
    p.failures = r.text();
    p.checked_at = from_ms(r.zigzag());
    e.preflight = std::move(p);
  }
  out.has_scan = (flags & scan) != 0;
  if (out.has_scan) {
    out.scan = read_scan(r);
    out.scan.unscannable = (flags & unscannable) != 0;
    out.scan.shows_sender_name = (flags & names_sender) != 0;
  }
  if (!r.at_end()) throw decode_error{"bytes behind message facts"};
}

void read_recipient(byte_reader r, recalled_evidence& out) {
  using namespace in_recipient;
  auto& e = out.evidence;
  expect_version(r);
  const auto flags = r.varint();
  out.person = r.text();
  if ((flags & with_consent) != 0) e.consent = read_consent(r);
  if ((flags & suppression) != 0) {
    suppression_facts s;
    s.cause = read_enum(r, suppression_cause::desk, "suppression");
    s.since = from_ms(r.zigzag());
    e.suppression = s;
  }
  if ((flags & sign_up) != 0)
    e.sign_up = sign_up_facts{.at = from_ms(r.zigzag()), .is_mailed = (flags & mailed) != 0};
  if (!r.at_end()) throw decode_error{"bytes behind recipient facts"};
}

}  // namespace

std::string encode_message_facts(const evidence& e) {
  byte_writer w;
  w.u8(facts_version).u8(number_of(e.phase)).u8(number_of(e.stream));
  w.u8(number_of(e.tenant_state)).u8(number_of(e.domain_status)).zigzag(to_ms(e.now));
  w.varint(flags_of(e)).varint(e.recipient_count);
  w.text(e.tenant_name).text(e.campaign).text(e.topic);
  w.text(e.sender_identity).text(e.sender_domain);
  if (e.campaign_hold)
    w.u8(number_of(e.campaign_hold->cause))
        .zigzag(to_ms(e.campaign_hold->since))
        .varint(e.campaign_hold->part)
        .varint(e.campaign_hold->whole);
  if (e.suspect)
    w.text(e.suspect->import).varint(static_cast<std::uint64_t>(std::max(0, e.suspect->score)));
  if (const auto all = counting(e); !all.empty()) {
    w.varint(all.size());
    for (const auto* x : all) w.varint(x->number).text(tenants::encode(*x));
  }
  if (e.preflight) w.text(e.preflight->failures).zigzag(to_ms(e.preflight->checked_at));
  if (e.scan != nullptr) write_scan(w, *e.scan);
  return w.take();
}

std::string encode_recipient_facts(const evidence& e, std::string_view person) {
  using namespace in_recipient;
  std::uint64_t flags = 0;
  if (e.consent) flags |= with_consent;
  if (e.suppression) flags |= suppression;
  if (e.sign_up) flags |= sign_up | (e.sign_up->is_mailed ? mailed : 0);
  byte_writer w;
  w.u8(facts_version).varint(flags).text(person);
  if (e.consent) write_consent(w, *e.consent);
  if (e.suppression) w.u8(number_of(e.suppression->cause)).zigzag(to_ms(e.suppression->since));
  if (e.sign_up) w.zigzag(to_ms(e.sign_up->at));
  return w.take();
}

bool share_message_facts(const evidence& a, const evidence& b) noexcept {
  const auto score = [](const evidence& e) { return e.suspect ? e.suspect->score : -1; };
  return a.stream == b.stream && a.is_bulk_by_content == b.is_bulk_by_content &&
         a.is_bulk_blocked == b.is_bulk_blocked && a.preflight == b.preflight &&
         score(a) == score(b);
}

evidence recalled_evidence::with_scan() const {
  auto e = evidence;
  e.scan = has_scan ? &scan : nullptr;
  return e;
}

recalled_evidence recall(std::string_view message_facts, std::string_view recipient_facts) {
  recalled_evidence out;
  read_message(byte_reader{message_facts}, out);
  read_recipient(byte_reader{recipient_facts}, out);
  return out;
}

std::string_view person_in(std::string_view recipient_facts) {
  byte_reader r{recipient_facts};
  expect_version(r);
  r.varint();
  return r.text();
}

}  // namespace consentry::policy

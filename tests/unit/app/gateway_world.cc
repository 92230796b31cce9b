#include "tests/unit/app/gateway_world.h"

#include <fmt/format.h>

#include "app/campaign_sweeper.h"
#include "app/departure_gate.h"
#include "app/queue_control.h"
#include "app/sign_up_template.h"
#include "base/text.h"
#include "policy/policy_file.h"

namespace consentry::tests {

using boost::asio::awaitable;
namespace server = smtp::server;

namespace {

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> out;
  for (const auto w : split(text, ' '))
    if (!w.empty()) out.emplace_back(w);
  return out;
}

// A dialog of this world never asks the DNS: whoever does gets no answer.
smtp::dns::resolver_settings silent_dns() {
  smtp::dns::resolver_settings s;
  s.forwarders = {"127.0.0.1@9"};
  s.timeout = std::chrono::milliseconds{200};
  return s;
}

queue::notice_settings notices() {
  queue::notice_settings n;
  n.host_name = "mx.test";
  n.from = "postmaster@mx.test";
  return n;
}

// "5m", "400d", "12h", "30s"
std::chrono::milliseconds duration_of(const std::string& text) {
  const auto n = std::stoll(text);
  switch (text.back()) {
    case 's':
      return std::chrono::seconds{n};
    case 'm':
      return std::chrono::minutes{n};
    case 'h':
      return std::chrono::hours{n};
    case 'd':
      return std::chrono::days{n};
  }
  throw std::runtime_error("a duration is 30s, 5m, 12h or 400d");
}

struct found_message {
  queue::queued_message message;
  std::vector<queue::queued_recipient> recipients;
};

std::vector<found_message> open_messages(app_world& w) {
  return w.read([&](read_txn& txn) {
    std::vector<found_message> out;
    std::string resume;
    for (auto& m : w.rooms.queue.list(txn, {}, resume, 1000)) {
      auto to = w.rooms.queue.recipients_of(txn, m);
      out.push_back({std::move(m), std::move(to)});
    }
    std::sort(out.begin(), out.end(),
              [](const auto& a, const auto& b) { return a.message.id < b.message.id; });
    return out;
  });
}

const std::string& at(const std::vector<std::string>& w, std::size_t i) {
  if (i >= w.size()) throw std::runtime_error("a word is missing");
  return w[i];
}

std::string at_or(const std::vector<std::string>& w, std::size_t i, std::string otherwise = {}) {
  return i < w.size() ? w[i] : std::move(otherwise);
}

}  // namespace

// A dialog may submit first and come back as a reporter on port 25.
struct gateway_world::by_role final : server::gatekeeper {
  by_role(app::intake& s, app::inbound& i) : submissions{s}, reports{i} {}
  app::intake& submissions;
  app::inbound& reports;

  server::gatekeeper& of(const server::session_info& s) {
    if (s.role == server::listener_role::inbound) return reports;
    return submissions;
  }
  awaitable<result<std::optional<server::scram_keys>>> find_keys(std::string user) override {
    return submissions.find_keys(std::move(user));
  }
  awaitable<result<server::principal>> sign_in(const server::session_info& s,
                                               std::string user) override {
    return of(s).sign_in(s, std::move(user));
  }
  awaitable<smtp::reply> mail(const server::session_info& s, const smtp::envelope& e) override {
    return of(s).mail(s, e);
  }
  awaitable<smtp::reply> recipient(const server::session_info& s, const smtp::envelope& e,
                                   const smtp::envelope_recipient& r) override {
    return of(s).recipient(s, e, r);
  }
  awaitable<smtp::reply> message(const server::session_info& s, smtp::envelope e,
                                 std::string data) override {
    return of(s).message(s, std::move(e), std::move(data));
  }
};

gateway_world::gateway_world(boost::asio::io_context& io)
    : dns_{io.get_executor(), silent_dns()},
      recorder_{world_.rooms, world_.clock},
      submissions_{{.rooms = world_.rooms,
                    .live = world_.live,
                    .workers = workers_,
                    .clock = world_.clock,
                    .notify_queue = [](instant) {}},
                   {.host_name = "mx.test", .retry = {}, .notices = notices()}},
      reports_{{.rooms = world_.rooms,
                .live = world_.live,
                .workers = workers_,
                .clock = world_.clock,
                .dns = dns_,
                .hold_bulk_of = [](tenant_id) {}},
               {.host_name = "mx.test",
                .feedback_address = smtp::mailbox::parse("fbl@mx.test").value(),
                .bounce_domain = "bounce.test"}},
      gate_{std::make_unique<by_role>(submissions_, reports_)} {
  add_directives();
  consent_directives();
  queue_directives();
  campaign_directives();
}

gateway_world::~gateway_world() = default;

server::gatekeeper& gateway_world::gate() {
  return *gate_;
}

void gateway_world::add_directives() {
  const auto state_of = [](const std::string& name) {
    const auto state = policy::tenants::parse_tenant_state(name);
    if (!state) throw std::runtime_error("no such state: " + name);
    return *state;
  };
  directives_["tenant"] = [this, state_of](const words& w) {
    world_.add_tenant(at(w, 0), state_of(at_or(w, 1, "active")));
  };
  directives_["state"] = [this, state_of](const words& w) {
    world_.set_state(world_.tenant_named(at(w, 0)), state_of(at(w, 1)));
  };
  directives_["domain"] = [this](const words& w) {
    world_.add_domain(world_.tenant_named(at(w, 0)), at(w, 1), at_or(w, 2) != "unverified");
  };
  directives_["credential"] = [this](const words& w) {
    const auto stream = smtp::parse_stream(at(w, 3));
    if (!stream) throw std::runtime_error("no such stream");
    world_.add_credential(world_.tenant_named(at(w, 0)), at(w, 1), at(w, 2), *stream, at_or(w, 4),
                          at_or(w, 5));
  };
  directives_["block"] = [this](const words& w) {
    world_.block(world_.tenant_named(at(w, 0)), at(w, 1));
  };
  directives_["unblock"] = [this](const words& w) {
    world_.unblock(world_.tenant_named(at(w, 0)), at(w, 1));
  };
  directives_["advance"] = [this](const words& w) { world_.clock.advance(duration_of(at(w, 0))); };
  directives_["now"] = [this](const words& w) { world_.clock.set(time_at(at(w, 0))); };
}

void gateway_world::consent_directives() {
  directives_["consent"] = [this](const words& w) {
    world_.give_consent(world_.tenant_named(at(w, 0)), at(w, 1), at(w, 2), time_at(at(w, 3)),
                        at_or(w, 4, "own_form"));
  };
  directives_["sign-up"] = [this](const words& w) {
    world_.sign_up(world_.tenant_named(at(w, 0)), at(w, 1), at(w, 2));
  };
  // The one letter that dialogs of the doi stream send.
  directives_["template"] = [this](const words& w) {
    const auto mail = smtp::mime::walk(
        "From: Shop <news@shop.test>\r\nTo: <x@one.test>\r\nSubject: Please confirm\r\n\r\n"
        "Click to confirm.\r\n");
    const policy::consent::doi_template t{.hash = app::template_hash(mail), .name = "dialog"};
    const auto id = world_.tenant_named(at(w, 0));
    world_.change([&](write_txn& txn) {
      world_.rooms.sign_ups.approve(txn, id, t, {.at = world_.clock.now(), .actor = "desk:test"});
    });
  };
  directives_["withdraw"] = [this](const words& w) {
    world_.withdraw(world_.tenant_named(at(w, 0)), at(w, 1), at(w, 2));
  };
  directives_["suppress"] = [this](const words& w) {
    const auto why = reputation::parse_suppression_reason(at_or(w, 2, "complaint"));
    if (!why) throw std::runtime_error("no such suppression");
    world_.suppress(world_.tenant_named(at(w, 0)), at(w, 1), *why);
  };
}

void gateway_world::queue_directives() {
  directives_["deliver"] = [this](const words& w) {
    world_.settle(recorder_, queued_to(at(w, 0)), app_world::delivered());
  };
  directives_["bounce"] = [this](const words& w) {
    world_.settle(
        recorder_, queued_to(at(w, 0)),
        app_world::bounced(std::stoi(at(w, 1)), smtp::parse_enhanced_code(at(w, 2)).value(), "no"));
  };
  directives_["release"] = [this](const words& w) {
    app::queue_order order{
        .what = app::queue_act::release, .reason = "looked at", .actor = "desk:test"};
    order.which.tenant = world_.tenant_named(at(w, 0));
    app_world::wait_for(app::carry_out(world_.rooms, world_.clock, std::move(order))).value();
  };
}

void gateway_world::campaign_directives() {
  // "reminder.after_months = 3": knobs as in a policy file, over the small policy's
  directives_["policy"] = [this](const words& w) {
    auto line = fmt::format("{}", fmt::join(w, " "));
    if (!line.starts_with("reminder."))
      line = "reminder.after_months = " + std::to_string(small_knobs().reminder_after_months) +
             "\n" + line;
    world_.set_policy(policy::parse_policy(line, "@policy"));
  };
  directives_["campaign"] = [this](const words& w) {
    const auto tenant = world_.tenant_named(at(w, 1));
    const auto& all = world_.rooms.campaigns;
    const auto now = world_.clock.now();
    world_.change([&](write_txn& txn) {
      if (at(w, 0) == "hold")
        all.hold(txn, tenant, at(w, 2), "desk:test", at(w, 3), now).value();
      else if (at(w, 0) == "release")
        all.release(txn, tenant, at(w, 2), "desk:test", at(w, 3), now).value();
      else if (at(w, 0) == "count")
        all.count(txn, tenant, at(w, 2),
                  {.asked = std::stoull(at(w, 3)), .unproven = std::stoull(at(w, 4))},
                  world_.live.policy.get()->set->rules, now);
      else
        throw std::runtime_error("hold, release or count");
    });
  };
  directives_["sweep"] = [this](const words&) {
    const app::campaign_sweeper_parts parts{
        .rooms = world_.rooms,
        .clock = world_.clock,
        .notify_queue = [](instant) {},
        .host_name = "mx.test",
        .postmaster = smtp::mailbox::parse("postmaster@mx.test").value()};
    app_world::wait_for(app::sweep_once(parts));
  };
}

std::string gateway_world::directive(std::string_view name, std::string_view rest) {
  try {
    if (name == "expect") return expect(rest);
    const auto found = directives_.find(std::string{name});
    if (found == directives_.end()) return "unknown directive";
    found->second(words_of(rest));
    return {};
  } catch (const std::exception& e) {
    return fmt::format("@{} {}: {}", name, rest, e.what());
  }
}

recipient_id gateway_world::queued_to(const std::string& address) {
  for (const auto& m : open_messages(world_))
    for (const auto& r : m.recipients)
      if (r.address == address && r.state == queue::recipient_state::queued) return r.id;
  throw std::runtime_error("nothing is queued for " + address);
}

std::string gateway_world::expect(std::string_view rest) {
  const bool is_wanted = !rest.starts_with("no ");
  if (!is_wanted) rest.remove_prefix(3);
  const auto w = words_of(rest);
  const auto what = at(w, 0);
  if (what == "journal") return expect_journal(w, is_wanted);
  if (what == "notice")
    return expect_notice(rest.substr(std::min<std::size_t>(rest.size(), 7)), is_wanted);
  if (!is_wanted) return "@expect no journal, or no notice";
  if (what == "spooled") return expect_spooled(rest.substr(std::min<std::size_t>(rest.size(), 8)));
  if (what == "gate") return expect_gate(w);
  if (what == "campaign") return expect_campaign(w);
  return expect_count(what, at(w, 1));
}

std::string gateway_world::expect_count(const std::string& what, const std::string& number) {
  std::map<std::string, std::size_t> counts{{"queued", 0}, {"held", 0}, {"notices", 0}};
  for (const auto& m : open_messages(world_)) {
    if (m.message.is_notice) ++counts["notices"];
    for (const auto& r : m.recipients)
      if (!m.message.is_notice) {
        counts["queued"] += r.state == queue::recipient_state::queued ? 1 : 0;
        counts["held"] += r.state == queue::recipient_state::held ? 1 : 0;
      }
  }
  const auto found = counts.find(what);
  if (found == counts.end()) return "unknown @expect";
  return std::to_string(found->second) == number ? "" : fmt::format("{} {}", what, found->second);
}

// "journal KIND [REASON]", "journal whole"
std::string gateway_world::expect_journal(const words& w, bool is_wanted) {
  if (at(w, 1) == "whole") {
    const auto report =
        world_.read([&](read_txn& txn) { return world_.rooms.journal.verify(txn); });
    return report.is_whole() && report.checked > 0 ? "" : "the journal is broken: " + report.what;
  }
  const auto kind = journal::parse_event_kind(at(w, 1));
  if (!kind) return "no such kind of event";
  std::string seen;
  bool found = false;
  for (const auto& e : world_.events(*kind)) {
    found = found || w.size() < 3 || e.reason == w[2];
    seen += " " + e.reason;
  }
  return found == is_wanted ? "" : fmt::format("the journal holds {}:{}", w[1], seen);
}

// "RECIPIENT", "RECIPIENT contains TEXT", "RECIPIENT lacks TEXT"
std::string gateway_world::expect_notice(std::string_view rest, bool is_wanted) {
  const auto w = words_of(rest);
  const auto to = at_or(w, 0);
  std::string last;
  for (const auto& m : open_messages(world_))
    if (m.message.is_notice && (to.empty() || m.recipients.at(0).address == to))
      last = world_.rooms.bodies.read(m.message.body_at).value();
  if (last.empty()) return is_wanted ? "no notice to " + to : "";
  if (!is_wanted) return "there is a notice: " + last;
  if (w.size() < 3) return {};
  const auto text = unescape(rest.substr(to.size() + w[1].size() + 2));
  const bool has = last.find(text) != std::string::npos;
  return has == (w[1] == "contains") ? "" : "the notice: " + last;
}

// "contains TEXT", "lacks TEXT": of the newest message that is no notice
std::string gateway_world::expect_spooled(std::string_view rest) {
  const auto w = words_of(rest);
  std::string data;
  for (const auto& m : open_messages(world_))
    if (!m.message.is_notice) data = world_.rooms.bodies.read(m.message.body_at).value();
  if (data.empty()) return "nothing is in the queue";
  const auto text = unescape(rest.substr(at(w, 0).size() + 1));
  const bool has = data.find(text) != std::string::npos;
  return has == (w[0] == "contains") ? "" : "the message: " + printable(data, 3000);
}

// "gate ADDRESS proceed|hold|refuse|defer [REASON]": what the queue is told just before an attempt
std::string gateway_world::expect_gate(const words& w) {
  app::departure_gate gate{world_.rooms, world_.live, world_.clock};
  const auto id = queued_to(at(w, 1));
  const auto d = gate.ask(world_.message_of(id), world_.recipient(id).value());
  using act = queue::dispatch_decision::act;
  const std::string got = d.what == act::proceed  ? "proceed"
                          : d.what == act::hold   ? "hold"
                          : d.what == act::refuse ? "refuse"
                                                  : "defer";
  if (got != at(w, 2)) return fmt::format("the gate says {} {}", got, d.reason);
  return w.size() < 4 || d.reason == w[3] ? "" : "the gate's reason is " + d.reason;
}

// "campaign TENANT NAME running", "campaign TENANT NAME REASON"
std::string gateway_world::expect_campaign(const words& w) {
  const auto tenant = world_.tenant_named(at(w, 1));
  const auto s = world_.read(
      [&](read_txn& txn) { return world_.rooms.campaigns.find(txn, tenant, at(w, 2)); });
  if (!s) return "nobody has seen this campaign";
  const std::string got{s->hold ? policy::reason_of(s->hold->cause) : "running"};
  return got == at(w, 3) ? ""
                         : fmt::format("the campaign is {}: {} of {}", got, s->counts.unproven,
                                       s->counts.asked);
}

}  // namespace consentry::tests

// consentry top, consentry availability, consentry sent
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <thread>

#include "app/cli/daemon_answers.h"
#include "app/probe_log.h"
#include "base/civil_date.h"
#include "base/text.h"

namespace consentry::app::cli {
namespace {

namespace json = boost::json;

// -- top ------------------------------------------------------------------------------------------

// Prometheus' text as numbers: name with labels -> value.
using readings = std::map<std::string, double, std::less<>>;

result<readings> read_metrics(const context& c) {
  const auto a = daemon_client{c.socket}.get_text("/metrics", 0);
  if (!a) return a.error();
  if (a->status != 200)
    return failure{.kind = failure_kind::unavailable,
                   .public_text = fmt::format("the daemon answered {}", a->status)};
  readings out;
  for (const auto line : split(a->body, '\n')) {
    const auto space = line.rfind(' ');
    if (line.empty() || line.front() == '#' || space == std::string_view::npos) continue;
    out[std::string{line.substr(0, space)}] =
        std::strtod(std::string{line.substr(space + 1)}.c_str(), nullptr);
  }
  return out;
}

double value_of(const readings& r, std::string_view name) {
  const auto found = r.find(name);
  return found == r.end() ? 0 : found->second;
}

// Of all series of a family whose labels hold `label`.
double sum_of(const readings& r, std::string_view family, std::string_view label) {
  double sum = 0;
  for (const auto& [name, v] : r)
    if (name.starts_with(family) && name.find(label) != std::string::npos) sum += v;
  return sum;
}

// The bound of the bucket in which the share lies; empty: nothing was observed.
std::string quantile(const readings& r, const std::string& family, double share) {
  const auto all = value_of(r, family + "_count");
  if (all == 0) return "-";
  std::vector<std::pair<double, double>> buckets;
  const auto head = family + "_bucket{le=\"";
  for (const auto& [name, n] : r)
    if (name.starts_with(head) && name.find("+Inf") == std::string::npos)
      buckets.emplace_back(std::strtod(name.c_str() + head.size(), nullptr), n);
  std::ranges::sort(buckets);
  for (const auto& [bound, n] : buckets)
    if (n >= share * all)
      return bound < 1 ? fmt::format("<={:g} ms", bound * 1000) : fmt::format("<={:g} s", bound);
  return ">100 s";
}

std::string rate(const readings& now, const readings& before, double seconds,
                 std::string_view family, std::string_view label) {
  const auto n = sum_of(now, family, label);
  if (seconds <= 0) return fmt::format("{:>12.0f}", n);
  return fmt::format("{:>12.0f} {:>10.1f}/s", n, (n - sum_of(before, family, label)) / seconds);
}

void show_top(const readings& now, const readings& before, double seconds) {
  const auto line = [&](std::string_view name, std::string_view family, std::string_view label) {
    fmt::print("  {:<12}{}\n", name, rate(now, before, seconds, family, label));
  };
  const auto up =
      static_cast<double>(std::time(nullptr)) - value_of(now, "consentry_start_time_seconds");
  fmt::print(
      "consentry  up {:.0f} min  sending {}  sessions {:.0f}  blocked tenants {:.0f} of {:.0f}\n",
      up / 60, value_of(now, "consentry_sending") != 0 ? "yes" : "NO",
      value_of(now, "consentry_sessions"), value_of(now, "consentry_tenants{bulk=\"blocked\"}"),
      sum_of(now, "consentry_tenants", "bulk"));
  fmt::print("queue      queued {:.0f}  held {:.0f}  in flight {:.0f}  spool {}\n",
             value_of(now, "consentry_queue_recipients{state=\"queued\"}"),
             value_of(now, "consentry_queue_recipients{state=\"held\"}"),
             value_of(now, "consentry_queue_recipients{state=\"in_flight\"}"),
             human_bytes(static_cast<std::uint64_t>(value_of(now, "consentry_spool_bytes"))));
  fmt::print(
      "store      {}  free disk {}  journal {:.0f}\n\n",
      human_bytes(static_cast<std::uint64_t>(value_of(now, "consentry_store_bytes"))),
      human_bytes(static_cast<std::uint64_t>(value_of(now, "consentry_store_free_disk_bytes"))),
      value_of(now, "consentry_journal_entries"));
  fmt::print("verdicts\n");
  for (const auto* d : {"send", "hold", "refuse"})
    line(d, "consentry_verdicts_total", fmt::format("decision=\"{}\"", d));
  fmt::print("attempts\n");
  for (const auto* o : {"delivered", "deferred", "bounced"})
    line(o, "consentry_outcomes_total", fmt::format("outcome=\"{}\"", o));
  fmt::print("reports\n");
  line("came in", "consentry_reports_total", "");
  line("blocks", "consentry_blocks_total", "");
  fmt::print("\n{:<12}{:>14}{:>14}\n", "took", "half", "99 of 100");
  for (const auto* what : {"verdict", "commit", "delivery", "block"}) {
    const auto family = fmt::format("consentry_{}_seconds", what);
    fmt::print("{:<12}{:>14}{:>14}\n", what, quantile(now, family, 0.5),
               quantile(now, family, 0.99));
  }
}

struct top_options {
  bool once = false;
  unsigned every_s = 2;
};

int run_top(const context& c, const top_options& o) {
  readings before;
  auto then = std::chrono::steady_clock::now();
  for (bool is_first = true;; is_first = false) {
    auto now = read_metrics(c);
    if (!now) return complain(now.error().public_text, exit_could_not);
    const auto at = std::chrono::steady_clock::now();
    const std::chrono::duration<double> passed = at - then;
    if (!o.once) fmt::print("\x1b[H\x1b[2J");
    show_top(*now, before, is_first ? 0 : passed.count());
    if (o.once || std::fflush(stdout) != 0) return exit_done;
    before = std::move(*now);
    then = at;
    std::this_thread::sleep_for(std::chrono::seconds{o.every_s});
  }
}

// -- availability ---------------------------------------------------------------------------------

struct availability_options {
  int year = 0;
  std::string log, out;
};

void show_availability(const json::object& a) {
  fmt::print("{}: down {} h of {} h allowed: {}{}\n", a.at("year").to_number<int>(),
             std::string{a.at("down_hours").as_string()},
             std::string{a.at("allowed_hours").as_string()},
             a.at("holds").as_bool() ? "99 % holds" : "99 % DOES NOT HOLD",
             a.at("over").as_bool() ? "" : " (so far)");
  if (const auto* first = a.if_contains("log_begins"))
    fmt::print("the log begins {}\n", std::string{first->as_string()});
  if (!a.at("outages").as_array().empty())
    print_table(a.at("outages").as_array(), {"from", "until", "minutes"});
}

// Lines of "2026-01-31T12:00:00Z,60,up": from, minutes, up or down. What no line tells is down.
result<std::vector<bool>> read_log(const std::string& text, minutes_time from, minutes_time until) {
  std::vector<bool> up(static_cast<std::size_t>((until - from).count()));
  std::size_t number = 0;
  for (const auto line : split(text, '\n')) {
    ++number;
    if (trim(line).empty() || line.front() == '#') continue;
    const auto parts = split(trim(line), ',');
    const auto at = parts.size() == 3 ? parse_timestamp(std::string{parts[0]}) : std::nullopt;
    std::int64_t minutes = 0;
    const bool is_number =
        parts.size() == 3 &&
        std::from_chars(parts[1].data(), parts[1].data() + parts[1].size(), minutes).ec ==
            std::errc{};
    if (!at || !is_number || minutes < 0 || (parts[2] != "up" && parts[2] != "down"))
      return failure{.kind = failure_kind::invalid,
                     .public_text = fmt::format("line {}: time,minutes,up or down", number)};
    const auto begin = (std::chrono::floor<std::chrono::minutes>(*at) - from).count();
    for (auto m = std::max<std::int64_t>(begin, 0);
         m < std::min<std::int64_t>(begin + minutes, static_cast<std::int64_t>(up.size())); ++m)
      up[static_cast<std::size_t>(m)] = parts[2] == "up";
  }
  return up;
}

int judge_log(const context& c, const availability_options& o) {
  const auto text = read_file(o.log);
  if (!text) return complain(text.error().public_text, exit_could_not);
  const auto from = year_begin(o.year), until = year_begin(o.year + 1);
  const auto up = read_log(*text, from, until);
  if (!up) return complain(o.log + ": " + up.error().public_text, exit_could_not);
  const auto a = availability_of(o.year, from, *up, until);
  json::array outages;
  for (const auto& x : a.outages)
    outages.push_back(json::object{{"from", to_string_utc(x.from)},
                                   {"until", to_string_utc(x.until)},
                                   {"minutes", (x.until - x.from).count()}});
  const json::object shown{
      {"year", a.year},
      {"over", true},
      {"minutes", a.minutes},
      {"down_minutes", a.down},
      {"down_hours", fmt::format("{:.2f}", static_cast<double>(a.down) / 60)},
      {"allowed_hours", fmt::format("{:.2f}", static_cast<double>(a.year_minutes) / 6000)},
      {"holds", a.holds()},
      {"outages", std::move(outages)}};
  if (c.json)
    print_json(shown);
  else
    show_availability(shown);
  return a.holds() ? exit_done : exit_no;
}

int ask_availability(const context& c, const availability_options& o) {
  const auto a = daemon_client{c.socket}.get(target(
      "/v1/availability",
      {{"year", o.year == 0 ? "" : std::to_string(o.year)}, {"log", o.out.empty() ? "" : "true"}}));
  if (a && a->is_ok() && !o.out.empty()) {
    std::ofstream out{o.out, std::ios::trunc};
    for (const auto& s : a->body.at("log").as_array())
      out << std::string_view{s.at("from").as_string()} << ','
          << s.at("minutes").to_number<std::uint64_t>() << ','
          << (s.at("up").as_bool() ? "up" : "down") << '\n';
    if (!out.flush()) return complain("cannot write " + o.out, exit_could_not);
  }
  const int code = finish(c, a, show_availability);
  return code == exit_done && !a->body.at("holds").as_bool() ? exit_no : code;
}

// -- sent -----------------------------------------------------------------------------------------

void show_sent(const json::object& a) {
  for (const auto& m : a.at("mail").as_array()) {
    fmt::print("{} {} {} {}: {}\n", std::string{m.at("message").as_string()},
               std::string{m.at("at").as_string()}, std::string{m.at("tenant").as_string()},
               printable(m.at("campaign").as_string()), printable(m.at("subject").as_string()));
    for (const auto& o : m.at("outcomes").as_array()) {
      const auto* address = o.as_object().if_contains("address");
      const auto* reply = o.as_object().if_contains("reply");
      fmt::print("  {} {} {} {}\n", std::string{o.at("at").as_string()},
                 std::string{o.at("outcome").as_string()},
                 address != nullptr ? printable(address->as_string()) : "",
                 reply != nullptr ? printable(reply->as_string()) : "");
    }
  }
  if (const auto* next = a.if_contains("next"))
    fmt::print("older ones: --before {}\n", std::string{next->as_string()});
}

void add_sent(CLI::App& app, context& c) {
  auto query = kept<std::map<std::string, std::string>>();
  auto tenant = kept<std::string>();
  auto* sent = app.add_subcommand("sent", "search through sent mail");
  sent->add_option("--tenant", *tenant, "of one tenant");
  for (const auto& [name, what] :
       {std::pair{"recipient", "an address"}, std::pair{"message", "as m0000012"},
        std::pair{"message-id", "a part of the field"},
        std::pair{"token", "or whatever holds one: a link, a return path"},
        std::pair{"campaign", ""}, std::pair{"subject", "a part of it"},
        std::pair{"link", "a domain, with those below it"}, std::pair{"from", "a day or time"},
        std::pair{"until", "a day or time"}, std::pair{"before", "older than this message"},
        std::pair{"limit", "at most so many"}}) {
    std::string key{name};
    std::ranges::replace(key, '-', '_');
    sent->add_option(std::string{"--"} + name, (*query)[key], what);
  }
  sent->callback([&c, query, tenant] {
    c.chosen = [&c, query, tenant] {
      const auto path = tenant->empty() ? std::string{"/v1/sent"} : tenant_path(*tenant, "sent");
      return finish(c, daemon_client{c.socket}.get(target(path, *query)), show_sent);
    };
  });
}

}  // namespace

void add_watch_commands(CLI::App& app, context& c) {
  auto t = kept<top_options>();
  auto* top = app.add_subcommand("top", "what goes on, refreshed; Ctrl-C ends it");
  top->add_flag("--once", t->once, "one look");
  top->add_option("--every", t->every_s, "seconds")
      ->capture_default_str()
      ->check(CLI::Range(1, 60));
  top->callback([&c, t] { c.chosen = [&c, t] { return run_top(c, *t); }; });

  auto o = kept<availability_options>();
  auto* a = app.add_subcommand("availability", "the yearly report: 99 % of all minutes");
  a->add_option("--year", o->year, "default: this one")->check(CLI::Range(2015, 2200));
  a->add_option("--log", o->log, "judge this log instead: time,minutes,up or down");
  a->add_option("--export", o->out, "write the log to this file");
  a->callback([&c, o] {
    c.chosen = [&c, o] {
      if (!o->log.empty() && o->year == 0) throw CLI::ValidationError("--log needs --year");
      return o->log.empty() ? ask_availability(c, *o) : judge_log(c, *o);
    };
  });
  add_sent(app, c);
}

}  // namespace consentry::app::cli

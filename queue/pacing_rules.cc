#include "queue/pacing_rules.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/strict_toml.h"
#include "base/text.h"

namespace consentry::queue {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::string_view default_name = "default";
constexpr std::array<std::string_view, 7> day_names{"mon", "tue", "wed", "thu",
                                                    "fri", "sat", "sun"};

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return n;
}

// "HH:MM", also "24:00".
std::optional<minutes> parse_time(std::string_view text) {
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  const auto h = number(text.substr(0, 2)), m = number(text.substr(3));
  if (!h || !m || *m > 59 || *h * 60 + *m > 24 * 60) return std::nullopt;
  return minutes{*h * 60 + *m};
}

bool is_at_or_below(std::string_view host, std::string_view domain) {
  if (!host.ends_with(domain)) return false;
  return host.size() == domain.size() || host[host.size() - domain.size() - 1] == '.';
}

// Each host of a site, without the port of a route.
template <class F>
bool any_host(std::string_view site, F f) {
  while (!site.empty()) {
    auto host = site.substr(0, site.find(','));
    site.remove_prefix(std::min(site.size(), host.size() + 1));
    const auto colon = host.rfind(':');
    if (colon != std::string_view::npos && number(host.substr(colon + 1)))
      host = host.substr(0, colon);
    if (f(host)) return true;
  }
  return false;
}

instant moment(civil_date day, minutes at) {
  // Not midnight + at: a day of a clock change has 23 or 25 hours.
  const auto h = at.count() / 60, m = at.count() % 60;
  if (h == 24) return budapest_midnight(std::chrono::sys_days{day} + std::chrono::days{1});
  const auto text = to_string(day) + (h < 10 ? " 0" : " ") + std::to_string(h) +
                    (m < 10 ? ":0" : ":") + std::to_string(m);
  return *parse_timestamp(text);
}

}  // namespace

std::optional<send_rate> parse_rate(std::string_view text) {
  if (text.empty()) return send_rate{};
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto count = number(text.substr(0, slash));
  const auto unit = text.substr(slash + 1);
  milliseconds per{};
  if (unit == "s") per = seconds{1};
  if (unit == "min") per = minutes{1};
  if (unit == "h") per = std::chrono::hours{1};
  if (unit == "d") per = std::chrono::hours{24};
  if (!count || *count == 0 || *count > 1'000'000'000 || per.count() == 0) return std::nullopt;
  return send_rate{static_cast<std::uint32_t>(*count), per};
}

send_window::opening send_window::opening_at(instant t) const {
  const auto today = std::chrono::sys_days{budapest_day(t)};
  for (int i = -1; i <= 8; ++i) {
    const auto day = today + std::chrono::days{i};
    const auto weekday = std::chrono::weekday{day}.iso_encoding();
    if ((days >> (weekday - 1) & 1) == 0) continue;
    const auto last_day = begin < end ? day : day + std::chrono::days{1};
    const opening o{moment(day, begin), moment(last_day, end)};
    if (o.end > t) return o;
  }
  return {t + std::chrono::days{8},
          t + std::chrono::days{8}};  // no day at all: the reader refuses it
}

std::uint64_t source::allowed_on(civil_date day) const {
  if (!warm_up_from || warm_up_per_day.empty()) return 0;
  const auto age = std::chrono::sys_days{day} - std::chrono::sys_days{*warm_up_from};
  const auto i = static_cast<std::size_t>(std::max<std::int64_t>(age.count(), 0));
  return i < warm_up_per_day.size() ? warm_up_per_day[i] : 0;
}

// --- the file ---

struct pacing_rules::reader {
  pacing_rules& out;
  path_limits otherwise;
  source only;

  static send_rate rate(toml_section& s, const char* key, send_rate otherwise) {
    if (!s.has(key)) return otherwise;
    const auto r = parse_rate(s.text(key, ""));
    if (!r) s.fail(key, "a rate is \"600/min\", \"5/s\", \"20000/h\" or \"100000/d\"");
    return *r;
  }
  static milliseconds time(toml_section& s, const char* key, milliseconds otherwise) {
    constexpr std::int64_t week_s = 7 * 24 * 3600;
    const auto given = std::chrono::duration_cast<seconds>(otherwise).count();
    return seconds{s.integer(key, given, 1, week_s)};
  }
  static path_limits limits(toml_section& s, path_limits like) {
    like.connections_max =
        static_cast<unsigned>(s.integer("connections_max", like.connections_max, 1, 10'000));
    like.messages_per_connection_max = static_cast<unsigned>(
        s.integer("messages_per_connection_max", like.messages_per_connection_max, 1, 1'000'000));
    like.rate = rate(s, "rate", like.rate);
    like.growth = time(s, "growth_s", like.growth);
    like.pause = time(s, "pause_s", like.pause);
    like.pause_max = std::max(like.pause, time(s, "pause_max_s", like.pause_max));
    return like;
  }

  void site(toml_section s) {
    site_rule r;
    r.limits = limits(s, out.default_);
    r.limits.rule = s.required_text("id");
    for (const auto& other : out.sites_)
      if (other.limits.rule == r.limits.rule) s.fail("id", "this id is taken");
    for (auto& host : s.placed_texts("hosts")) {
      if (host.text.empty() || host.text.front() == '.')
        s.fail(host, "the name of a mail host, or of a domain above it, is needed");
      r.hosts.push_back(ascii_lower(host.text));
    }
    if (r.hosts.empty()) s.fail("hosts", "name at least one mail host, or a domain above it");
    s.finish();
    out.sites_.push_back(std::move(r));
  }

  static send_window window(toml_section& s) {
    send_window w;
    const auto text = s.text("window", "00:00-24:00");
    const auto dash = text.find('-');
    const auto begin = parse_time(std::string_view{text}.substr(0, dash));
    const auto end = dash == std::string::npos
                         ? std::nullopt
                         : parse_time(std::string_view{text}.substr(dash + 1));
    if (!begin || !end || *begin == *end || *begin == minutes{24 * 60})
      s.fail("window", "a window is \"08:00-20:00\", in Budapest time");
    w.begin = *begin;
    w.end = *end;
    const auto days = s.placed_texts("days");
    if (!days.empty()) w.days = 0;
    for (const auto& day : days) {
      const auto at = std::find(day_names.begin(), day_names.end(), day.text);
      if (at == day_names.end()) s.fail(day, "days are mon, tue, wed, thu, fri, sat, sun");
      w.days = static_cast<std::uint8_t>(w.days | 1u << (at - day_names.begin()));
    }
    return w;
  }

  void flow(toml_section s) {
    flow_rule r;
    r.tenant = s.text("tenant", "");
    r.campaign = s.text("campaign", "");
    if (s.has("stream")) {
      r.stream = smtp::parse_stream(s.text("stream", ""));
      if (!r.stream) s.fail("stream", "one of bulk, transactional, automation, doi");
    }
    const auto positive = [&s](const char* key, std::int64_t most) {
      return s.has(key) ? std::optional{s.integer(key, 1, 1, most)} : std::nullopt;
    };
    constexpr std::int64_t mails_max = 1'000'000'000'000;
    r.weight = positive("weight", 1000);
    r.connections_max = positive("connections_max", 10'000);
    r.per_hour = positive("per_hour", mails_max);
    r.per_day = positive("per_day", mails_max);
    if (s.has("rate")) r.rate = rate(s, "rate", {});
    if (s.has("window") || s.has("days")) r.window = window(s);
    if (!r.campaign.empty() && (r.per_hour || r.per_day))
      s.fail(r.per_hour ? "per_hour" : "per_day", "quotas are a tenant's; a campaign has a rate");
    if (s.has("pool")) {
      r.pool = s.text("pool", "");
      if (!out.has_pool(*r.pool)) s.fail("pool", "no [[pool]] has this name");
    }
    s.finish();
    out.flows_.push_back(std::move(r));
  }

  static std::optional<boost::asio::ip::address> address(toml_section& s, const char* key,
                                                         bool v4) {
    if (!s.has(key)) return std::nullopt;
    boost::system::error_code error;
    const auto a = boost::asio::ip::make_address(s.text(key, ""), error);
    if (error || a.is_v4() != v4)
      s.fail(key, v4 ? "an IPv4 address is needed" : "an IPv6 address is needed");
    return a;
  }

  void one_source(toml_section s) {
    auto made = std::make_unique<source>();
    made->name = s.required_text("name");
    if (made->name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.-_") !=
        std::string::npos)
      s.fail("name", "small letters, digits, . - _");
    if (out.find_source(made->name) != nullptr) s.fail("name", "this name is taken");
    made->ipv4 = address(s, "ipv4", true);
    made->ipv6 = address(s, "ipv6", false);
    made->ehlo_name = s.text("ehlo_name", "");
    const auto plan = s.placed_texts("warm_up_per_day");
    for (const auto& day : plan) {
      const auto n = number(day.text);
      if (!n || *n == 0) s.fail(day, "a number of mails is needed, as text: [\"50\", \"100\"]");
      made->warm_up_per_day.push_back(*n);
    }
    if (s.has("warm_up_from")) {
      made->warm_up_from = parse_date(s.text("warm_up_from", ""));
      if (!made->warm_up_from) s.fail("warm_up_from", "a day is \"2026-12-01\"");
    }
    if (made->warm_up_from.has_value() == plan.empty())
      s.fail(plan.empty() ? "warm_up_from" : "warm_up_per_day",
             "warm_up_from and warm_up_per_day go together");
    s.finish();
    out.sources_.push_back(std::move(made));
  }

  void pool(toml_section s) {
    named_pool p{.name = s.required_text("name")};
    if (out.has_pool(p.name)) s.fail("name", "this name is taken");
    for (const auto& text : s.placed_texts("sources")) {
      const auto colon = text.text.find(':');
      const auto* from = out.find_source(std::string_view{text.text}.substr(0, colon));
      if (from == nullptr) s.fail(text, "no [[source]] has this name");
      const auto weight = colon == std::string::npos
                              ? std::optional<std::uint64_t>{1}
                              : number(std::string_view{text.text}.substr(colon + 1));
      if (!weight || *weight == 0 || *weight > 1000)
        s.fail(text, "a source with its weight is \"name:3\"");
      p.members.push_back({from, static_cast<unsigned>(*weight)});
    }
    if (p.members.empty()) s.fail("sources", "name at least one source");
    s.finish();
    out.pools_.push_back(std::move(p));
  }

  void reply(toml_section s) {
    reply_rule r;
    r.id = s.required_text("id");
    r.site = s.text("site", "");
    const auto has_site = [&](const auto& rule) { return rule.limits.rule == r.site; };
    if (!r.site.empty() && std::none_of(out.sites_.begin(), out.sites_.end(), has_site))
      s.fail("site", "no [[site]] has this id");
    const auto action = s.choice("action", "pause", {"slow", "pause", "close", "none"});
    r.action = action == "slow"    ? reply_action::slow
               : action == "pause" ? reply_action::pause
               : action == "close" ? reply_action::close
                                   : reply_action::none;
    if (s.has("pause_s")) r.pause = time(s, "pause_s", seconds{60});
    const auto texts = s.placed_texts("text");
    if (texts.empty()) s.fail("text", "at least one expression is needed");
    for (const auto& text : texts) {
      const auto added = out.patterns_.add(text.text);
      if (!added) s.fail(text, "no expression: " + added.error().public_text);
      out.replies_.push_back(r);
    }
    s.finish();
  }

  void sources_and_pools(toml_section& file) {
    for (auto& s : file.sections("source")) one_source(s);
    auto pools = file.sections("pool");
    if (out.sources_.empty()) {
      if (!pools.empty()) file.fail("pool", "pools are made of [[source]]s, and there is none");
      only.name = default_name;
      out.sources_.push_back(std::make_unique<const source>(std::move(only)));
    }
    for (auto& s : pools) pool(s);
    if (out.has_pool(default_name)) return;
    named_pool all{.name = std::string{default_name}};
    for (const auto& from : out.sources_) all.members.push_back({from.get(), 1});
    out.pools_.push_back(std::move(all));
  }

  void whole(toml_section file) {
    auto defaults = file.section("default");
    otherwise.rule = default_name;
    out.default_ = limits(defaults, std::move(otherwise));
    defaults.finish();
    sources_and_pools(file);
    for (auto& s : file.sections("site")) site(s);
    for (auto& s : file.sections("reply")) reply(s);
    for (auto& s : file.sections("flow")) flow(s);
    if (!out.patterns_.compile())
      file.fail("reply", "the expressions together need too much memory");
    file.finish();
  }
};

pacing_rules::pacing_rules() = default;

std::shared_ptr<const pacing_rules> pacing_rules::parse(std::string_view text,
                                                        const std::string& name,
                                                        path_limits otherwise, source only) {
  auto out = std::make_shared<pacing_rules>();
  reader{*out, std::move(otherwise), std::move(only)}.whole(toml_section::from_text(text, name));
  return out;
}

std::shared_ptr<const pacing_rules> pacing_rules::load(const std::filesystem::path& file,
                                                       path_limits otherwise, source only) {
  auto out = std::make_shared<pacing_rules>();
  reader{*out, std::move(otherwise), std::move(only)}.whole(toml_section::from_file(file));
  return out;
}

// --- what they say ---

const path_limits& pacing_rules::limits_of(std::string_view site) const {
  for (const auto& rule : sites_)
    if (any_host(site, [&](std::string_view host) {
          return std::any_of(rule.hosts.begin(), rule.hosts.end(),
                             [&](const auto& h) { return is_at_or_below(host, h); });
        }))
      return rule.limits;
  return default_;
}

namespace {

bool covers(std::string_view pattern, std::string_view campaign) {
  if (pattern.empty()) return true;
  if (pattern.ends_with('*')) return campaign.starts_with(pattern.substr(0, pattern.size() - 1));
  return pattern == campaign;
}

template <class T>
void take(T& out, const std::optional<T>& said) {
  if (said) out = *said;
}

}  // namespace

// Later rules win, key by key.
flow_limits pacing_rules::limits_of(std::string_view tenant, smtp::stream stream,
                                    std::string_view campaign) const {
  flow_limits out;
  for (const auto& r : flows_) {
    if (!r.tenant.empty() && r.tenant != tenant) continue;
    if (r.stream && *r.stream != stream) continue;
    if (!covers(r.campaign, campaign)) continue;
    take(r.campaign.empty() ? out.tenant_weight : out.campaign_weight, r.weight);
    take(out.connections_max, r.connections_max);
    take(out.rate, r.rate);
    take(out.per_hour, r.per_hour);
    take(out.per_day, r.per_day);
    take(out.pool, r.pool);
    if (r.window) out.window = r.window;
  }
  return out;
}

const std::vector<pacing_rules::member>& pacing_rules::pool(std::string_view name) const {
  const auto named = [&](std::string_view n) {
    return std::find_if(pools_.begin(), pools_.end(), [&](const auto& p) { return p.name == n; });
  };
  auto found = named(name);
  if (found == pools_.end()) found = named(default_name);
  return found->members;
}

bool pacing_rules::has_pool(std::string_view name) const {
  return std::any_of(pools_.begin(), pools_.end(), [&](const auto& p) { return p.name == name; });
}

std::vector<std::string> pacing_rules::pool_names() const {
  std::vector<std::string> out;
  for (const auto& p : pools_) out.push_back(p.name);
  return out;
}

const source* pacing_rules::find_source(std::string_view name) const {
  for (const auto& s : sources_)
    if (s->name == name) return s.get();
  return nullptr;
}

reply_advice pacing_rules::advise(std::string_view site, const smtp::outcome& o) const {
  if (o.kind == smtp::outcome_kind::delivered || replies_.empty()) return {};
  const auto text = o.last_reply.code != 0 ? smtp::text_for_patterns(o.last_reply) : o.cause;
  const auto& site_id = limits_of(site).rule;
  for (const int number : patterns_.matches(text)) {
    const auto& rule = replies_[static_cast<std::size_t>(number)];
    if (rule.site.empty() || rule.site == site_id) return {rule.action, rule.pause, rule.id};
  }
  return {};
}

}  // namespace consentry::queue

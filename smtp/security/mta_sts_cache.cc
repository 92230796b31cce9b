#include "smtp/security/mta_sts_cache.h"

#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <unordered_map>

#include "base/https_client.h"
#include "base/log.h"
#include "base/task_scope.h"
#include "base/text.h"

namespace consentry::smtp::security {

namespace asio = boost::asio;

namespace {

constexpr std::size_t policy_bytes_max = 64 << 10;
// Mail waits no longer for a fetch, which goes on: a slow web server may not hold up what it has
// promised nothing to yet.
constexpr std::chrono::seconds wait_max{10};

struct fetched {
  std::optional<sts_policy> policy;
  sts_fault fault = sts_fault::none;
  std::string cause;
};

fetched failed(sts_fault fault, std::string cause) {
  fetched f;
  f.fault = fault;
  f.cause = std::move(cause);
  return f;
}

// Section 3.3: 200 and text/plain, nothing else; no redirect is followed.
fetched read_answer(const result<https_answer>& answer) {
  if (!answer)
    return failed(answer.error().kind == failure_kind::tls ? sts_fault::webpki : sts_fault::fetch,
                  answer.error().private_cause);
  if (answer->status != 200)
    return failed(sts_fault::fetch, "status " + std::to_string(answer->status));
  const auto type = std::string_view{answer->content_type};
  if (!ascii_iequals(trim(type.substr(0, type.find(';'))), "text/plain"))
    return failed(sts_fault::invalid, "content type " + printable(type));
  auto policy = parse_sts_policy(answer->body);
  if (!policy) return failed(sts_fault::invalid, policy.error().private_cause);
  fetched out;
  out.policy = std::move(*policy);
  return out;
}

}  // namespace

std::string_view to_string(sts_fault f) noexcept {
  switch (f) {
    case sts_fault::none:
      return "none";
    case sts_fault::fetch:
      return "sts-policy-fetch-error";
    case sts_fault::webpki:
      return "sts-webpki-invalid";
    case sts_fault::invalid:
      return "sts-policy-invalid";
  }
  return "sts-policy-fetch-error";
}

struct mta_sts_cache::state : std::enable_shared_from_this<mta_sts_cache::state> {
  state(parts given, mta_sts_settings s) : p{given}, settings{std::move(s)}, tasks{p.executor} {}

  struct entry {
    bool is_read = false;  // from the store
    std::shared_ptr<const sts_policy> policy;
    sts_fault fault = sts_fault::none;
    instant retry_at{};                            // after a failure
    std::shared_ptr<asio::steady_timer> fetching;  // ends with the fetch, or when it takes long
  };

  asio::awaitable<result<sts_finding>> find(std::string domain);
  result<void> read(const std::string& domain, entry& e);
  void start_fetch(const std::string& domain, const std::string& id);
  asio::awaitable<void> fetch(std::string domain, std::string id);
  asio::awaitable<fetched> ask(std::string domain);
  asio::awaitable<void> keep(std::string domain, fetched got, std::string id);
  void make_room();

  parts p;
  const mta_sts_settings settings;
  task_scope tasks;
  std::unordered_map<std::string, entry> known;
  std::size_t fetches = 0;
  std::shared_ptr<std::atomic<bool>> is_closed = std::make_shared<std::atomic<bool>>(false);
};

result<void> mta_sts_cache::state::read(const std::string& domain, entry& e) {
  if (e.is_read) return {};
  auto found = p.env.read([&](const read_txn& txn) { return p.store.find(txn, domain); });
  if (!found) return found.error();
  if (*found) e.policy = std::make_shared<const sts_policy>(std::move(**found));
  e.is_read = true;
  return {};
}

// What is not under way may go: it is in the store.
void mta_sts_cache::state::make_room() {
  if (known.size() < settings.domains_max) return;
  std::size_t kept = 0;
  std::erase_if(known, [&](const auto& e) { return !e.second.fetching && ++kept % 2 == 0; });
}

void mta_sts_cache::state::start_fetch(const std::string& domain, const std::string& id) {
  auto& e = known[domain];
  if (e.fetching) return;
  if (fetches >= settings.fetches_max || *is_closed) {
    e.fault = sts_fault::fetch;
    return;
  }
  ++fetches;
  e.fetching = std::make_shared<asio::steady_timer>(p.executor, wait_max);
  tasks.spawn(fetch(domain, id));
}

asio::awaitable<void> mta_sts_cache::state::fetch(std::string domain, std::string id) {
  // Its end has to be told to those who wait, cancelled or not.
  co_await asio::this_coro::throw_if_cancelled(false);
  auto got = co_await ask(domain);
  co_await keep(domain, std::move(got), std::move(id));
  --fetches;
  auto& e = known[domain];
  const auto waited_for = std::move(e.fetching);
  e.fetching.reset();
  if (waited_for) waited_for->cancel();
}

asio::awaitable<fetched> mta_sts_cache::state::ask(std::string domain) {
  auto host = "mta-sts." + domain;
  const dns::mx_settings usable{.allow_loopback = settings.allow_loopback};
  auto where = co_await dns::find_addresses(p.dns, host, usable);
  if (!where) co_return failed(sts_fault::fetch, describe(where.error()));
  https_request request;
  request.url = "https://" + host + "/.well-known/mta-sts.txt";
  request.addresses = std::move(*where);
  request.port = settings.port;
  request.authorities = settings.authorities;
  request.answer_bytes_max = policy_bytes_max;
  request.timeout = settings.fetch_timeout;
  request.is_given_up = [closed = is_closed] { return closed->load(); };
  std::function<fetched()> job = [request = std::move(request)] {
    return read_answer(ask_https(request));
  };
  co_return co_await p.workers.run(std::move(job));
}

asio::awaitable<void> mta_sts_cache::state::keep(std::string domain, fetched got, std::string id) {
  auto& e = known[domain];
  const auto now = p.clock.now();
  e.fault = got.fault;
  if (!got.policy) {
    e.retry_at = now + settings.retry_after;
    log::warn("smtp/security", "mta_sts_fetch_failed",
              {{"domain", domain},
               {"why", to_string(got.fault)},
               {"cause", got.cause},
               {"cached", e.policy != nullptr && e.policy->ends_at() > now}});
    co_return;
  }
  e.retry_at = {};
  got.policy->id = std::move(id);
  got.policy->fetched_at = now;
  e.policy = std::make_shared<const sts_policy>(std::move(*got.policy));
  e.is_read = true;
  commit_loop::operation put = [this, domain, policy = e.policy](write_txn& txn) {
    p.store.put(txn, domain, *policy);
  };
  // In force even if it cannot be written: a restart fetches it again.
  const auto written = co_await p.commits.commit(std::move(put));
  if (!written)
    log::warn("smtp/security", "mta_sts_not_kept",
              {{"domain", domain}, {"cause", describe(written.error())}});
}

auto mta_sts_cache::state::find(std::string domain) -> asio::awaitable<result<sts_finding>> {
  make_room();
  if (auto r = read(domain, known[domain]); !r) co_return r.error();
  auto record = co_await p.dns.txt("_mta-sts." + domain);
  std::optional<std::string> id;
  if (record) id = sts_record_id(*record);
  const auto now = p.clock.now();
  // References into the map do not outlive a wait.
  auto& e = known[domain];
  if (auto r = read(domain, e); !r) co_return r.error();
  const bool is_alive = e.policy && e.policy->ends_at() > now;
  const bool is_new = id && (!is_alive || e.policy->id != *id);
  const auto age = is_alive ? now - e.policy->fetched_at : instant::duration{};
  const auto half = std::chrono::seconds{is_alive ? e.policy->max_age_s / 2 : 0};
  const bool is_ageing =
      is_alive && age > std::min<instant::duration>(settings.refresh_after, half);
  if ((is_new || (id && is_ageing)) && e.retry_at <= now) start_fetch(domain, *id);
  if (is_new && e.fetching) {
    const auto under_way = e.fetching;
    const auto ended = co_await under_way->async_wait(asio::as_tuple(asio::use_awaitable));
    (void)ended;  // by the fetch, by time, or with us: asked about below
    const auto cancellation = co_await asio::this_coro::cancellation_state;
    if (cancellation.cancelled() != asio::cancellation_type::none)
      co_return failure{failure_kind::cancelled, false, failure_scope::none, "", "cancelled"};
  }
  auto& then = known[domain];
  sts_finding out;
  // Forgotten while waited for: asked anew next time; the store is read again here.
  if (auto r = read(domain, then); !r) co_return r.error();
  if (then.policy && then.policy->ends_at() > p.clock.now()) out.policy = then.policy;
  if (id) out.fault = then.fault;
  co_return out;
}

mta_sts_cache::mta_sts_cache(parts p, mta_sts_settings s)
    : state_{std::make_shared<state>(p, std::move(s))} {}
mta_sts_cache::~mta_sts_cache() = default;

asio::awaitable<result<sts_finding>> mta_sts_cache::find(std::string domain) {
  return state_->find(std::move(domain));
}

asio::awaitable<void> mta_sts_cache::close() {
  *state_->is_closed = true;
  state_->tasks.cancel();
  co_await state_->tasks.drained();
}

}  // namespace consentry::smtp::security

#include "app/report_services.h"

#include <boost/asio.hpp>
#include <fstream>

#include "app/key_store.h"
#include "base/log.h"
#include "base/text.h"

namespace consentry::app {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr std::string_view room = "app/report_services";
constexpr std::chrono::seconds probe_timeout{10}, probe_again{5};
constexpr std::chrono::minutes between_trims{30};
constexpr std::chrono::milliseconds between_slices{50};
constexpr std::size_t rows_per_trim = 2000;
constexpr std::size_t token_bytes_min = 16;

webhook_options webhooks_of(const settings& s) {
  webhook_options out{.key = load_or_create_key(s.store.folder / "keys", "webhook.key")};
  for (const auto& network : s.webhooks.allow) out.allowed.add(network);
  out.authorities = s.webhooks.authorities;
  out.attempts = s.webhooks.attempts;
  out.retry_first = s.webhooks.retry_first;
  out.retry_max = s.webhooks.retry_max;
  out.timeout = s.webhooks.timeout;
  out.batch_max = s.webhooks.batch_max;
  return out;
}

std::string token_of(const settings& s) {
  if (s.metrics.token_file.empty()) return {};
  std::ifstream in{s.metrics.token_file};
  std::string line;
  std::getline(in, line);
  std::string token{trim(line)};
  if (token.size() < token_bytes_min)
    throw configuration_error(s.metrics.token_file.string() + ": holds no token of " +
                              std::to_string(token_bytes_min) + " characters");
  return token;
}

// Whether a server greets there. Each wait within the deadline of the timer.
asio::awaitable<bool> greets(tcp::endpoint at) {
  const auto executor = co_await asio::this_coro::executor;
  auto socket = std::make_shared<tcp::socket>(executor);
  asio::steady_timer deadline{executor, probe_timeout};
  deadline.async_wait([socket](boost::system::error_code e) {
    boost::system::error_code ignored;
    if (!e) socket->close(ignored);
  });
  const auto no_throw = asio::as_tuple(asio::use_awaitable);
  const auto [refused] = co_await socket->async_connect(at, no_throw);
  if (refused) co_return false;
  std::array<char, 512> place{};
  const auto into = asio::buffer(place);
  const auto [broken, n] = co_await socket->async_read_some(into, no_throw);
  if (broken || !std::string_view{place.data(), n}.starts_with("220")) co_return false;
  const std::string_view bye = "QUIT\r\n";
  const auto farewell = asio::buffer(bye);
  co_await asio::async_write(*socket, farewell, no_throw);
  co_await socket->async_read_some(into, no_throw);
  co_return true;
}

}  // namespace

report_services::report_services(asio::any_io_executor executor, store_rooms& rooms,
                                 smtp::dns::resolver& dns, const wall_clock& clock,
                                 const settings& s)
    : executor_{executor},
      rooms_{rooms},
      clock_{clock},
      retain_{s.evidence.retain},
      evidence_key_{load_or_create_key(s.store.folder / "keys", "evidence.key")},
      metrics_token_{token_of(s)},
      webhooks_{executor, {.rooms = rooms, .clock = clock, .dns = dns}, webhooks_of(s)},
      tasks_{executor} {}

void report_services::start(bool is_sending, std::optional<tcp::endpoint> probed) {
  if (is_sending) webhooks_.start();
  if (probed) tasks_.spawn(probe(*probed));
  tasks_.spawn(trim_digests());
}

asio::awaitable<void> report_services::close() {
  co_await webhooks_.close();
  tasks_.cancel();
  co_await tasks_.drained();
}

// RULES A2 7: once in each minute of the clock, sooner again where it failed. That the minute can
// be written is a part of what is asked.
asio::awaitable<void> report_services::probe(tcp::endpoint at) {
  asio::steady_timer timer{executor_};
  for (;;) {
    const auto now = std::chrono::floor<std::chrono::minutes>(clock_.now());
    bool is_up = co_await greets(at);
    if (is_up) {
      commit_loop::operation op = [this, now](write_txn& txn) { rooms_.probes.note_up(txn, now); };
      const auto done = co_await rooms_.commits.commit(std::move(op));
      is_up = done.has_value();
    }
    if (!is_up) log::error(room, "no_answer", {{"port", at.port()}});
    const auto until_next = now + std::chrono::minutes{1} - clock_.now();
    timer.expires_after(is_up ? std::max(until_next, std::chrono::milliseconds{1})
                              : std::chrono::milliseconds{probe_again});
    co_await timer.async_wait(asio::use_awaitable);
  }
}

asio::awaitable<void> report_services::trim_digests() {
  asio::steady_timer timer{executor_};
  for (;;) {
    auto is_more = std::make_shared<bool>(false);
    commit_loop::operation op = [this, is_more, before = clock_.now() - retain_](write_txn& txn) {
      *is_more = rooms_.digests.trim(txn, before, rows_per_trim);
    };
    const auto done = co_await rooms_.commits.commit(std::move(op));
    if (!done) log::warn(room, "trim_failed", {{"cause", describe(done.error())}});
    timer.expires_after(done && *is_more ? std::chrono::milliseconds{between_slices}
                                         : std::chrono::milliseconds{between_trims});
    co_await timer.async_wait(asio::use_awaitable);
  }
}

std::optional<tcp::endpoint> probe_address_of(
    const settings& s, const std::vector<std::unique_ptr<smtp::server::listener>>& listeners) {
  for (std::size_t i = 0; i < listeners.size(); ++i) {
    const auto& l = s.listeners[i];
    const auto bound = listeners[i]->bound();
    // Behind implicit TLS no greeting is seen.
    if (l.role == smtp::server::listener_role::inbound || l.tls == listener_tls::implicit ||
        bound.empty())
      continue;
    auto at = bound.front();
    if (at.address().is_unspecified())
      at.address(at.address().is_v4() ? asio::ip::address{asio::ip::address_v4::loopback()}
                                      : asio::ip::address{asio::ip::address_v6::loopback()});
    return at;
  }
  return std::nullopt;
}

}  // namespace consentry::app

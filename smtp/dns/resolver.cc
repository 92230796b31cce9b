#include "smtp/dns/resolver.h"

#include <sys/mman.h>
#include <unbound.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <future>
#include <map>

#include "base/log.h"
#include "base/text.h"
#include "smtp/dns/resolver_config.h"

namespace consentry::smtp::dns {

namespace asio = boost::asio;

namespace {

constexpr std::size_t records_max = 64;
constexpr int class_in = 1;
constexpr int rcode_ok = 0, rcode_no_name = 3;

struct context_deleter {
  void operator()(ub_ctx* c) const noexcept { ub_ctx_delete(c); }
};
struct result_deleter {
  void operator()(ub_result* r) const noexcept { ub_resolve_free(r); }
};

failure no_answer(std::string cause) {
  return {failure_kind::dns, false, failure_scope::site, "temporary failure of name resolution",
          std::move(cause)};
}

// libunbound takes its configuration from a file only: one that lives in memory.
void configure(ub_ctx* context, const std::string& text) {
  const int fd = memfd_create("resolver", MFD_CLOEXEC);
  if (fd < 0) throw configuration_error("resolver: memfd_create failed");
  std::string_view rest = text;
  while (!rest.empty()) {
    const auto n = ::write(fd, rest.data(), rest.size());
    if (n <= 0) break;
    rest.remove_prefix(static_cast<std::size_t>(n));
  }
  const int rc = rest.empty()
                     ? ub_ctx_config(context, ("/proc/self/fd/" + std::to_string(fd)).c_str())
                     : UB_NOMEM;
  ::close(fd);
  if (rc != 0) throw configuration_error(std::string{"resolver: "} + ub_strerror(rc));
}

result<dns_answer> to_answer(const ub_result& r) {
  if (r.bogus) return no_answer(std::string{"bogus: "} + (r.why_bogus ? r.why_bogus : ""));
  if (r.rcode != rcode_ok && r.rcode != rcode_no_name)
    return no_answer("rcode " + std::to_string(r.rcode));
  dns_answer a;
  a.is_secure = r.secure != 0;
  if (r.canonname != nullptr && r.qname != nullptr) {
    const auto bare = [](std::string_view name) {
      if (!name.empty() && name.back() == '.') name.remove_suffix(1);
      return ascii_lower(name);
    };
    a.canonical = bare(r.canonname);
    if (a.canonical == bare(r.qname)) a.canonical.clear();
  }
  if (r.nxdomain || r.rcode == rcode_no_name) {
    a.found = existence::no_name;
    return a;
  }
  a.found = r.havedata ? existence::found : existence::no_data;
  for (int i = 0; r.havedata && r.data[i] && a.records.size() < records_max; ++i)
    a.records.emplace_back(r.data[i], static_cast<std::size_t>(r.len[i]));
  return a;
}

bool is_domain_name(std::string_view name) {
  if (!name.empty() && name.back() == '.') name.remove_suffix(1);
  if (name.empty() || name.size() > 253) return false;
  for (auto label : split(name, '.')) {
    if (label.empty() || label.size() > 63) return false;
    for (char c : label)
      if (static_cast<unsigned char>(c) <= 0x20 || static_cast<unsigned char>(c) >= 0x7f ||
          c == '\\')
        return false;
  }
  return true;
}

}  // namespace

// Everything but construction runs on the executor: libunbound's results are taken by one thread
// (ub_process), and lookups of other threads are posted there.
struct resolver::state : std::enable_shared_from_this<resolver::state> {
  struct query {
    explicit query(state& s) : owner{s}, timer{s.executor} {}
    // Whatever ends the wait: libunbound must not call back into a query that has gone.
    ~query() {
      if (!is_asked) return;
      if (!answer) ub_cancel(owner.context.get(), id);
      --owner.pending;
    }
    query(const query&) = delete;
    query& operator=(const query&) = delete;

    state& owner;
    asio::steady_timer timer;  // stands for the wait: cancelled when the answer is there
    int id = 0;
    bool is_asked = false;
    std::optional<result<dns_answer>> answer;
  };

  state(asio::any_io_executor e, const resolver_settings& s)
      : executor{std::move(e)},
        timeout{s.timeout},
        pending_max{s.pending_max},
        context{ub_ctx_create()},
        ready{executor} {
    if (!context) throw configuration_error("resolver: out of memory");
    configure(context.get(), unbound_config(s));
    ub_ctx_async(context.get(), 1);  // a thread of its own, not a process
    // The first question makes libunbound read zones and anchors; this one needs no network.
    ub_result* r = nullptr;
    const int rc =
        ub_resolve(context.get(), "localhost", static_cast<int>(record_type::a), class_in, &r);
    const std::unique_ptr<ub_result, result_deleter> owner{r};
    if (rc != 0)
      throw configuration_error(std::string{"resolver: "} + ub_strerror(rc) +
                                " (zone file, anchors or hints)");
    // Our own copy: libunbound closes its descriptor itself.
    ready.assign(::dup(ub_fd(context.get())));
  }

  void watch() {
    ready.async_wait(asio::posix::descriptor_base::wait_read,
                     [weak = weak_from_this()](const boost::system::error_code& e) {
                       const auto self = weak.lock();
                       if (!self || e) return;
                       ub_process(self->context.get());
                       self->watch();
                     });
  }

  static void on_answer(void* argument, int rc, ub_result* r);
  static asio::awaitable<result<dns_answer>> ask(std::shared_ptr<state> self, std::string name,
                                                 record_type type, std::chrono::milliseconds wait);

  asio::any_io_executor executor;
  std::chrono::milliseconds timeout;
  std::size_t pending_max;
  std::size_t pending = 0;
  std::unique_ptr<ub_ctx, context_deleter> context;
  asio::posix::stream_descriptor ready;
};

// Called by ub_process. A cancelled query is never called back, so argument lives.
void resolver::state::on_answer(void* argument, int rc, ub_result* r) {
  const std::unique_ptr<ub_result, result_deleter> owner{r};
  auto& q = *static_cast<query*>(argument);
  q.answer = rc != 0 || !r ? result<dns_answer>{no_answer(ub_strerror(rc))} : to_answer(*r);
  q.timer.cancel();
}

asio::awaitable<result<dns_answer>> resolver::state::ask(std::shared_ptr<state> self,
                                                         std::string name, record_type type,
                                                         std::chrono::milliseconds wait) {
  if (self->pending >= self->pending_max)
    co_return failure{failure_kind::limit, false, failure_scope::site,
                      "temporary failure of name resolution", "too many DNS lookups at a time"};
  const failure cancelled{failure_kind::cancelled, false, failure_scope::none, "",
                          "DNS lookup cancelled"};
  co_await asio::this_coro::throw_if_cancelled(false);
  const auto cancellation = co_await asio::this_coro::cancellation_state;
  if (cancellation.cancelled() != asio::cancellation_type::none) co_return cancelled;

  query q{*self};
  q.timer.expires_after(wait);
  const int rc = ub_resolve_async(self->context.get(), name.c_str(), static_cast<int>(type),
                                  class_in, &q, &state::on_answer, &q.id);
  if (rc != 0) co_return no_answer(ub_strerror(rc));
  q.is_asked = true;
  ++self->pending;
  auto [error] = co_await q.timer.async_wait(asio::as_tuple(asio::use_awaitable));
  if (q.answer) co_return std::move(*q.answer);
  if (error == asio::error::operation_aborted) co_return cancelled;
  co_return no_answer("no answer within " + std::to_string(wait.count()) + " ms");
}

resolver::resolver(asio::any_io_executor executor, const resolver_settings& settings)
    : state_{std::make_shared<state>(std::move(executor), settings)} {
  state_->watch();
}

resolver::~resolver() {
  boost::system::error_code ignored;
  state_->ready.cancel(ignored);
}

asio::awaitable<result<dns_answer>> resolver::lookup(std::string name, record_type type) {
  co_return co_await lookup_within(std::move(name), type, state_->timeout);
}

asio::awaitable<result<dns_answer>> resolver::lookup_within(std::string name, record_type type,
                                                            std::chrono::milliseconds wait) {
  if (!is_domain_name(name))
    co_return failure{failure_kind::invalid, true, failure_scope::recipient, "not a domain name",
                      printable(name)};
  const auto self = state_;
  auto asked = state::ask(self, std::move(name), type, std::min(wait, self->timeout));
  co_return co_await asio::co_spawn(self->executor, std::move(asked), asio::use_awaitable);
}

namespace {

// The records of an answer, parsed; those that do not parse are left out.
template <class T, class Parse>
result<std::vector<T>> records_of(result<dns_answer> answer, std::string_view name, Parse parse) {
  if (!answer) return answer.error();
  if (answer->found == existence::no_name)
    return failure{failure_kind::not_found, true, failure_scope::recipient, "domain does not exist",
                   "NXDOMAIN for " + printable(name)};
  std::vector<T> out;
  for (const auto& rdata : answer->records) {
    if (auto record = parse(rdata)) {
      out.emplace_back(std::move(*record));
    } else {
      log::info("smtp/dns", "record_skipped", {{"name", name}, {"rdata", hex(rdata)}});
    }
  }
  return out;
}

std::optional<asio::ip::address> address_from(const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  return asio::ip::make_address(*text);
}

}  // namespace

asio::awaitable<result<std::vector<mx_record>>> resolver::mx(std::string name) {
  auto answer = co_await lookup(name, record_type::mx);
  co_return records_of<mx_record>(std::move(answer), name, parse_mx);
}

asio::awaitable<result<std::vector<std::string>>> resolver::txt(std::string name) {
  co_return co_await txt_within(std::move(name), state_->timeout);
}

asio::awaitable<result<std::vector<std::string>>> resolver::txt_within(
    std::string name, std::chrono::milliseconds wait) {
  auto answer = co_await lookup_within(name, record_type::txt, wait);
  co_return records_of<std::string>(std::move(answer), name, parse_txt);
}

asio::awaitable<result<std::vector<asio::ip::address>>> resolver::a(std::string name) {
  auto answer = co_await lookup(name, record_type::a);
  co_return records_of<asio::ip::address>(
      std::move(answer), name, [](const std::string& d) { return address_from(parse_a(d)); });
}

asio::awaitable<result<std::vector<asio::ip::address>>> resolver::aaaa(std::string name) {
  auto answer = co_await lookup(name, record_type::aaaa);
  co_return records_of<asio::ip::address>(
      std::move(answer), name, [](const std::string& d) { return address_from(parse_aaaa(d)); });
}

result<std::vector<std::string>> resolver::txt_blocking(std::string name,
                                                        std::chrono::milliseconds deadline) {
  if (!is_domain_name(name))
    return failure{failure_kind::invalid, true, failure_scope::recipient, "not a domain name",
                   printable(name)};
  const auto wait = std::min(deadline, state_->timeout);
  auto asked = state::ask(state_, name, record_type::txt, wait);
  auto answer = asio::co_spawn(state_->executor, std::move(asked), asio::use_future);
  // The lookup has its own deadline; this one is for an executor that no longer runs.
  if (answer.wait_for(wait + std::chrono::seconds{1}) != std::future_status::ready)
    return no_answer("the resolver does not run");
  try {
    return records_of<std::string>(answer.get(), name, parse_txt);
  } catch (const std::future_error&) {
    return no_answer("the resolver has stopped");
  }
}

}  // namespace consentry::smtp::dns

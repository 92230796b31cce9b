#include "smtp/server/listener.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <mutex>
#include <unordered_map>

#include "base/check.h"
#include "base/log.h"
#include "base/task_scope.h"
#include "smtp/server/listen_socket.h"
#include "smtp/server/socket_stream.h"

namespace consentry::smtp::server {
namespace {

namespace asio = boost::asio;
using asio::awaitable;
using boost::system::error_code;
using tcp = asio::ip::tcp;

constexpr auto wait_for_tuple = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::milliseconds accept_pause{100};  // out of descriptors: let some close

}  // namespace

struct listener::state : std::enable_shared_from_this<listener::state> {
  state(listener_settings w, session_settings h, tls_source t, session_services& s)
      : where{std::move(w)},
        how{std::make_shared<const session_settings>(std::move(h))},
        tls{std::move(t)},
        services{s} {}

  awaitable<void> accept(std::shared_ptr<tcp::acceptor> acceptor);
  awaitable<void> serve(tcp::socket socket, tcp::endpoint peer);
  void let_in(tcp::socket socket);
  const char* enter(const std::string& key);
  void leave(const std::string& key, session* who);
  std::shared_ptr<session> begin_session(tcp::socket socket, const tcp::endpoint& peer);

  const listener_settings where;
  std::shared_ptr<const session_settings> how;  // under mutex
  const tls_source tls;
  session_services& services;
  std::vector<listen_socket> sockets;
  std::vector<asio::any_io_executor> executors;
  std::vector<std::shared_ptr<tcp::acceptor>> acceptors;  // used on executors[0]
  std::unique_ptr<task_scope> tasks;
  std::size_t next_executor = 0;

  struct live_session {
    asio::any_io_executor executor;
    std::weak_ptr<session> talk;
  };
  std::mutex mutex;
  bool draining = false;
  std::size_t connections = 0;
  std::unordered_map<std::string, std::size_t> by_peer;  // holds no zeros
  std::unordered_map<session*, live_session> live;
};

listener::listener(listener_settings where, session_settings how, tls_source tls,
                   session_services& services)
    : state_{std::make_shared<state>(std::move(where), std::move(how), std::move(tls), services)} {}

listener::~listener() {
  state_->tasks.reset();
}

void listener::open() {
  for (const int fd : state_->where.adopted) state_->sockets.push_back(listen_socket::adopt(fd));
  for (const auto& a : state_->where.addresses)
    state_->sockets.push_back(listen_socket::bind(a.ip, a.port, state_->where.backlog));
}

std::vector<tcp::endpoint> listener::bound() const {
  std::vector<tcp::endpoint> all;
  for (const auto& s : state_->sockets) all.push_back(s.endpoint());
  for (const auto& a : state_->acceptors) all.push_back(a->local_endpoint());
  return all;
}

void listener::start(std::vector<asio::any_io_executor> executors) {
  CONSENTRY_CHECK(!executors.empty() && !state_->tasks);
  state_->executors = std::move(executors);
  state_->tasks = std::make_unique<task_scope>(state_->executors.front());
  for (auto& s : state_->sockets) {
    const auto protocol = s.endpoint().protocol();
    auto acceptor =
        std::make_shared<tcp::acceptor>(state_->executors.front(), protocol, s.release());
    state_->acceptors.push_back(acceptor);
    state_->tasks->spawn(state_->accept(std::move(acceptor)));
  }
  state_->sockets.clear();
}

void listener::set_session_settings(session_settings how) {
  auto fresh = std::make_shared<const session_settings>(std::move(how));
  const std::lock_guard lock{state_->mutex};
  state_->how = std::move(fresh);
}

void listener::stop_accepting() {
  state_->sockets.clear();
  if (!state_->tasks) return;
  const auto self = state_;
  asio::post(self->executors.front(), [self] {
    error_code ignored;
    for (auto& a : self->acceptors) a->close(ignored);
  });
  const std::lock_guard lock{self->mutex};
  self->draining = true;
  for (const auto& [key, one] : self->live)
    asio::post(one.executor, [talk = one.talk] {
      if (const auto s = talk.lock()) s->drain();
    });
}

void listener::cancel() {
  if (state_->tasks) state_->tasks->cancel();
}

awaitable<void> listener::drained() {
  if (state_->tasks) co_await state_->tasks->drained();
}

std::size_t listener::sessions() const {
  const std::lock_guard lock{state_->mutex};
  return state_->connections;
}

awaitable<void> listener::state::accept(std::shared_ptr<tcp::acceptor> acceptor) {
  while (acceptor->is_open()) {
    const auto executor = executors[next_executor++ % executors.size()];
    tcp::socket socket{executor};
    error_code ec;
    std::tie(ec) = co_await acceptor->async_accept(socket, wait_for_tuple);
    if (!ec) {
      let_in(std::move(socket));
      continue;
    }
    if (ec == asio::error::operation_aborted || !acceptor->is_open()) co_return;
    if (ec == asio::error::connection_aborted) continue;
    log::warn("smtp/server", "accept_failed", {{"cause", ec.message()}});
    asio::steady_timer pause{acceptor->get_executor(), accept_pause};
    co_await pause.async_wait(asio::use_awaitable);
  }
}

void listener::state::let_in(tcp::socket socket) {
  error_code ec;
  const auto peer = socket.remote_endpoint(ec);
  if (ec) return;  // gone already
  const auto key = peer_key(peer.address().to_string());
  if (const char* const refusal = enter(key)) {
    log::info("smtp/server", "connection_refused",
              {{"remote_ip", peer.address().to_string()}, {"reason", refusal}});
    const bool clear = [this] {
      const std::lock_guard lock{mutex};
      return !how->implicit_tls;
    }();
    // One try without waiting: a fresh socket's buffer takes it.
    socket.non_blocking(true, ec);
    if (clear) socket.write_some(asio::buffer("421 4.7.0 " + std::string{refusal} + "\r\n"), ec);
    return;
  }
  const auto executor = socket.get_executor();
  tasks->spawn_on(executor, serve(std::move(socket), peer));
}

// nullptr: counted in; else why not.
const char* listener::state::enter(const std::string& key) {
  const std::lock_guard lock{mutex};
  if (connections >= where.connections_max) return "too many connections";
  auto& mine = by_peer[key];
  if (mine >= where.connections_per_peer_max) return "too many connections from your address";
  ++mine;
  ++connections;
  return nullptr;
}

void listener::state::leave(const std::string& key, session* who) {
  const std::lock_guard lock{mutex};
  live.erase(who);
  --connections;
  const auto mine = by_peer.find(key);
  if (--mine->second == 0) by_peer.erase(mine);
}

std::shared_ptr<session> listener::state::begin_session(tcp::socket socket,
                                                        const tcp::endpoint& peer) {
  const auto executor = socket.get_executor();
  const std::lock_guard lock{mutex};
  auto talk = std::make_shared<session>(make_socket_stream(std::move(socket), tls),
                                        peer.address().to_string(), peer.port(), how, services);
  live.emplace(talk.get(), live_session{executor, talk});
  if (draining) talk->drain();
  return talk;
}

awaitable<void> listener::state::serve(tcp::socket socket, tcp::endpoint peer) {
  const auto key = peer_key(peer.address().to_string());
  const auto talk = begin_session(std::move(socket), peer);
  struct on_leave {
    state& owner;
    const std::string& key;
    session* talk;
    ~on_leave() { owner.leave(key, talk); }
  } const leaving{*this, key, talk.get()};
  co_await talk->run();
}

}  // namespace consentry::smtp::server

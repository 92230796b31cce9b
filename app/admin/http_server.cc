#include "app/admin/http_server.h"

#include <fmt/format.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/json.hpp>
#include <list>

#include "app/admin/http_conversation.h"
#include "app/public/rate_limit.h"
#include "base/log.h"
#include "base/result.h"
#include "base/task_scope.h"

namespace consentry::app::admin {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::use_awaitable;
using asio::ip::tcp;
using unix_socket = asio::local::stream_protocol;

namespace {

constexpr auto no_throw = asio::as_tuple(use_awaitable);

using tcp_stream = beast::basic_stream<tcp, asio::any_io_executor>;
using unix_stream = beast::basic_stream<unix_socket, asio::any_io_executor>;

// The login behind a Unix socket, by the kernel's word.
std::string peer_login(int fd) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return {};
  passwd entry{};
  passwd* found = nullptr;
  char buffer[4096];
  if (::getpwuid_r(peer.uid, &entry, buffer, sizeof buffer, &found) == 0 && found != nullptr)
    return entry.pw_name;
  return fmt::format("uid{}", peer.uid);
}

}  // namespace

struct http_server::state : std::enable_shared_from_this<http_server::state> {
  state(asio::any_io_executor e, handler h, http_limits l, doorman d)
      : executor{e}, services{std::move(h), l, std::move(d)}, scope{e} {}

  struct tcp_door {
    tcp::acceptor acceptor;
    tls_source tls;
  };

  asio::any_io_executor executor;
  http_services services;
  task_scope scope;
  std::list<unix_socket::acceptor> unix_doors;
  std::list<tcp_door> tcp_doors;
  std::vector<std::filesystem::path> sockets;
  std::size_t connections = 0;
  std::map<std::string, std::size_t> per_network;  // an IPv4 address, or a /64

  bool admit(const std::string& ip);
  void leave(const std::string& ip);
  asio::awaitable<void> accept_unix(unix_socket::acceptor& acceptor);
  asio::awaitable<void> accept_tcp(tcp_door& door);
  asio::awaitable<void> serve_unix(unix_socket::socket socket);
  asio::awaitable<void> serve_plain(tcp::socket socket, std::string ip);
  asio::awaitable<void> serve_tls(tcp::socket socket, std::string ip,
                                  std::shared_ptr<asio::ssl::context> context);
  asio::awaitable<bool> pause_after(const boost::system::error_code& error);
};

bool http_server::state::admit(const std::string& ip) {
  if (connections >= services.limits.connections_max) return false;
  boost::system::error_code error;
  const auto address = asio::ip::make_address(ip, error);
  if (!error && !address.is_loopback()) {
    auto& count = per_network[public_pages::network_of(ip)];
    if (count >= services.limits.connections_per_ip_max) return false;
    ++count;
  }
  ++connections;
  return true;
}

void http_server::state::leave(const std::string& ip) {
  --connections;
  const auto found = per_network.find(public_pages::network_of(ip));
  if (found != per_network.end() && --found->second == 0) per_network.erase(found);
}

asio::awaitable<void> http_server::state::serve_unix(unix_socket::socket socket) {
  http_peer peer{.kernel_login = peer_login(socket.native_handle())};
  unix_stream stream{std::move(socket)};
  http_conversation<unix_stream> talk{stream, services, std::move(peer)};
  co_await talk.run();
  beast::error_code ignored;
  stream.socket().shutdown(unix_socket::socket::shutdown_both, ignored);
  leave({});
}

asio::awaitable<void> http_server::state::serve_plain(tcp::socket socket, std::string ip) {
  http_peer peer{.remote_ip = ip};
  tcp_stream stream{std::move(socket)};
  http_conversation<tcp_stream> talk{stream, services, std::move(peer)};
  co_await talk.run();
  beast::error_code ignored;
  stream.socket().shutdown(tcp::socket::shutdown_both, ignored);
  leave(ip);
}

asio::awaitable<void> http_server::state::serve_tls(tcp::socket socket, std::string ip,
                                                    std::shared_ptr<asio::ssl::context> context) {
  http_peer peer{.remote_ip = ip};
  beast::ssl_stream<tcp_stream> stream{tcp_stream{std::move(socket)}, *context};
  beast::get_lowest_layer(stream).expires_after(services.limits.handshake_timeout);
  const auto [error] = co_await stream.async_handshake(asio::ssl::stream_base::server, no_throw);
  if (!error) {
    http_conversation<beast::ssl_stream<tcp_stream>> talk{stream, services, std::move(peer)};
    co_await talk.run();
    beast::get_lowest_layer(stream).expires_after(std::chrono::seconds{2});
    co_await stream.async_shutdown(no_throw);
  }
  beast::error_code ignored;
  beast::get_lowest_layer(stream).socket().shutdown(tcp::socket::shutdown_both, ignored);
  leave(ip);
}

// Out of descriptors, say: give the others a moment to end. False: the server stops.
asio::awaitable<bool> http_server::state::pause_after(const boost::system::error_code& error) {
  if (error == asio::error::operation_aborted) co_return false;
  asio::steady_timer pause{executor, std::chrono::milliseconds{100}};
  co_await pause.async_wait(no_throw);
  co_return true;
}

asio::awaitable<void> http_server::state::accept_unix(unix_socket::acceptor& acceptor) {
  for (;;) {
    auto [error, socket] = co_await acceptor.async_accept(no_throw);
    if (!acceptor.is_open()) co_return;
    if (error) {
      const bool goes_on = co_await pause_after(error);
      if (!goes_on) co_return;
      continue;
    }
    if (admit({})) scope.spawn(serve_unix(std::move(socket)));
  }
}

asio::awaitable<void> http_server::state::accept_tcp(tcp_door& door) {
  for (;;) {
    auto [error, socket] = co_await door.acceptor.async_accept(no_throw);
    if (!door.acceptor.is_open()) co_return;
    if (error) {
      const bool goes_on = co_await pause_after(error);
      if (!goes_on) co_return;
      continue;
    }
    boost::system::error_code no_peer;
    auto ip = socket.remote_endpoint(no_peer).address().to_string();
    if (no_peer || !admit(ip)) continue;
    if (!door.tls) {
      scope.spawn(serve_plain(std::move(socket), std::move(ip)));
    } else if (auto context = door.tls(); context != nullptr) {
      scope.spawn(serve_tls(std::move(socket), std::move(ip), std::move(context)));
    } else {
      leave(ip);
    }
  }
}

http_server::http_server(asio::any_io_executor executor, handler h, http_limits limits, doorman d)
    : state_{std::make_shared<state>(std::move(executor), std::move(h), limits, std::move(d))} {}

http_server::~http_server() = default;

void http_server::listen_unix(const std::filesystem::path& socket) {
  std::error_code error;
  std::filesystem::create_directories(socket.parent_path(), error);
  boost::system::error_code code;
  {
    // A socket file without a listener is what a crash left behind.
    unix_socket::socket probe{state_->executor};
    probe.connect(unix_socket::endpoint{socket.string()}, code);
    if (!code) throw configuration_error(socket.string() + ": another daemon listens there");
    if (std::filesystem::is_socket(socket, error)) std::filesystem::remove(socket, error);
  }
  auto& acceptor = state_->unix_doors.emplace_back(state_->executor);
  acceptor.open(unix_socket{}, code);
  const auto mask = ::umask(0117);
  if (!code) acceptor.bind(unix_socket::endpoint{socket.string()}, code);
  ::umask(mask);
  if (!code) acceptor.listen(asio::socket_base::max_listen_connections, code);
  if (code) throw configuration_error(socket.string() + ": " + code.message());
  state_->sockets.push_back(socket);
  state_->scope.spawn(state_->accept_unix(acceptor));
}

std::uint16_t http_server::listen_tcp(const std::string& host, std::uint16_t port, tls_source tls) {
  const tcp::endpoint at{asio::ip::make_address(host), port};
  auto& door = state_->tcp_doors.emplace_back(
      state::tcp_door{tcp::acceptor{state_->executor}, std::move(tls)});
  auto& acceptor = door.acceptor;
  boost::system::error_code code;
  acceptor.open(at.protocol(), code);
  if (!code) acceptor.set_option(tcp::acceptor::reuse_address(true), code);
  if (!code) acceptor.bind(at, code);
  if (!code) acceptor.listen(asio::socket_base::max_listen_connections, code);
  if (code)
    throw configuration_error(fmt::format("HTTP listener {}:{}: {}", host, port, code.message()));
  state_->scope.spawn(state_->accept_tcp(door));
  return acceptor.local_endpoint().port();
}

asio::awaitable<void> http_server::stop(std::chrono::steady_clock::time_point deadline) {
  boost::system::error_code ignored;
  state_->services.is_stopping = true;
  for (auto& a : state_->unix_doors) a.close(ignored);
  for (auto& d : state_->tcp_doors) d.acceptor.close(ignored);
  std::error_code error;
  for (const auto& s : state_->sockets) std::filesystem::remove(s, error);
  asio::steady_timer poll{state_->executor};
  while (state_->scope.running() != 0 && std::chrono::steady_clock::now() < deadline) {
    poll.expires_after(std::chrono::milliseconds{5});
    co_await poll.async_wait(no_throw);
  }
  state_->scope.cancel();
  co_await state_->scope.drained();
}

response json_response(const boost::json::value& v, int status) {
  return {.status = status, .body = boost::json::serialize(v) + "\n"};
}

namespace {

// What a status says when nothing more precise is known. Stable.
std::string_view code_of(int status) {
  switch (status) {
    case 400:
      return "bad_request";
    case 401:
      return "unauthenticated";
    case 403:
      return "forbidden";
    case 404:
      return "not_found";
    case 405:
      return "method_not_allowed";
    case 408:
      return "too_slow";
    case 409:
      return "conflict";
    case 413:
      return "body_too_large";
    case 415:
      return "unsupported_media_type";
    case 422:
      return "invalid";
    case 429:
      return "too_many_requests";
    case 431:
      return "header_too_large";
    case 503:
      return "unavailable";
    case 507:
      return "storage_full";
    default:
      return "internal";
  }
}

}  // namespace

response problem(int status, const std::string& detail, std::string_view code,
                 boost::json::value more) {
  const auto title = http::obsolete_reason(static_cast<http::status>(status));
  if (code.empty()) code = code_of(status);
  boost::json::object o{{"type", fmt::format("urn:consentry:problem:{}", code)},
                        {"title", std::string_view{title.data(), title.size()}},
                        {"status", status},
                        {"code", code},
                        {"detail", detail}};
  if (more.is_object())
    for (auto& m : more.get_object()) o.insert_or_assign(m.key(), std::move(m.value()));
  auto out = json_response(o, status);
  out.content_type = "application/problem+json";
  return out;
}

}  // namespace consentry::app::admin

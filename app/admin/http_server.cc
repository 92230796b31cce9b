#include "app/admin/http_server.h"

#include <fmt/format.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/json/serialize.hpp>
#include <boost/url/parse.hpp>
#include <optional>

#include "base/log.h"
#include "base/result.h"
#include "base/secret.h"
#include "base/task_scope.h"
#include "base/text.h"

namespace consentry::app::admin {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::use_awaitable;
using asio::ip::tcp;
using unix_socket = asio::local::stream_protocol;

namespace {

constexpr auto no_throw = asio::as_tuple(use_awaitable);

// The login behind a Unix socket, by the kernel's word.
std::optional<std::string> peer_login(int fd) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return std::nullopt;
  passwd entry{};
  passwd* found = nullptr;
  char buffer[4096];
  if (::getpwuid_r(peer.uid, &entry, buffer, sizeof buffer, &found) == 0 && found != nullptr)
    return entry.pw_name;
  return fmt::format("uid{}", peer.uid);
}

std::string ip_of(const unix_socket::socket&) {
  return {};
}

std::string ip_of(const tcp::socket& s) {
  boost::system::error_code error;
  const auto peer = s.remote_endpoint(error);
  return error ? std::string{} : peer.address().to_string();
}

// False when the target is not a path of ours.
bool read_target(std::string_view target, request& out) {
  const auto url = boost::urls::parse_origin_form(target);
  if (!url) return false;
  for (const auto segment : url->segments()) out.path.push_back(segment);
  for (const auto p : url->params()) out.query[p.key] = p.value;
  return true;
}

std::string without_parameters(std::string_view content_type) {
  return ascii_lower(trim(content_type.substr(0, content_type.find(';'))));
}

}  // namespace

struct http_server::state : std::enable_shared_from_this<http_server::state> {
  state(asio::any_io_executor e, handler h, http_limits l)
      : executor{e}, handle{std::move(h)}, limits{l}, scope{e} {}

  asio::any_io_executor executor;
  handler handle;
  http_limits limits;
  task_scope scope;
  std::vector<unix_socket::acceptor> unix_acceptors;
  std::vector<tcp::acceptor> tcp_acceptors;
  std::vector<std::filesystem::path> sockets;
  std::map<std::string, std::string> tokens;
  std::size_t connections = 0;
  bool is_public = false;

  std::optional<std::string> person_of(const unix_socket::socket& s, const http::fields&) const;
  std::optional<std::string> person_of(const tcp::socket& s, const http::fields& headers) const;
  asio::awaitable<response> answer(http::request<http::string_body> in,
                                   std::optional<std::string> person, std::string remote_ip);
  template <class Protocol>
  asio::awaitable<void> serve(typename Protocol::socket socket);
  template <class Protocol>
  asio::awaitable<void> accept(typename Protocol::acceptor& acceptor);
};

std::optional<std::string> http_server::state::person_of(const unix_socket::socket& s,
                                                         const http::fields&) const {
  return peer_login(const_cast<unix_socket::socket&>(s).native_handle());
}

std::optional<std::string> http_server::state::person_of(const tcp::socket&,
                                                         const http::fields& headers) const {
  if (is_public) return std::string{};
  const auto value = headers[http::field::authorization];
  constexpr std::string_view scheme = "Bearer ";
  if (!ascii_istarts_with({value.data(), value.size()}, scheme)) return std::nullopt;
  const auto token = trim(std::string_view{value.data(), value.size()}.substr(scheme.size()));
  // Looked up by hash: the time taken tells nothing about the tokens.
  const auto found = tokens.find(hex(as_bytes(sha256(token))));
  return found == tokens.end() ? std::nullopt : std::optional{found->second};
}

asio::awaitable<response> http_server::state::answer(http::request<http::string_body> in,
                                                     std::optional<std::string> person,
                                                     std::string remote_ip) {
  if (!person) co_return problem(401, "a bearer token is required");
  request r;
  r.person = std::move(*person);
  r.remote_ip = std::move(remote_ip);
  r.method = std::string{in.method_string()};
  for (const auto& field : in) {
    const auto name = field.name_string(), value = field.value();
    r.headers[ascii_lower({name.data(), name.size()})] = std::string{value.data(), value.size()};
  }
  const auto type = in[http::field::content_type];
  r.content_type = without_parameters({type.data(), type.size()});
  const auto target = in.target();
  if (!read_target({target.data(), target.size()}, r))
    co_return problem(400, "the request target is not a path");
  r.body = std::move(in.body());
  response out;
  try {
    out = co_await handle(std::move(r));
  } catch (const configuration_error& e) {
    out = problem(422, e.what());
  } catch (const boost::system::system_error& e) {
    if (e.code() == asio::error::operation_aborted) throw;  // the server stops
    log::error("app/admin", "request_failed", {{"what", e.what()}});
    out = problem(500, "the request failed");
  } catch (const std::exception& e) {
    // One request that surprises us must not end the gateway.
    log::error("app/admin", "request_failed", {{"what", e.what()}});
    out = problem(500, "the request failed");
  }
  co_return out;
}

template <class Protocol>
asio::awaitable<void> http_server::state::serve(typename Protocol::socket socket) {
  using stream_type = beast::basic_stream<Protocol, asio::any_io_executor>;
  stream_type stream{std::move(socket)};
  beast::flat_buffer buffer{limits.header_bytes_max + (64u << 10)};
  for (;;) {
    http::request_parser<http::string_body> parser;
    parser.header_limit(static_cast<std::uint32_t>(limits.header_bytes_max));
    parser.body_limit(limits.body_bytes_max);
    stream.expires_after(limits.request_timeout);
    const auto [error, bytes] = co_await http::async_read(stream, buffer, parser, no_throw);
    response out;
    bool keep = false, is_head = false;
    unsigned version = 11;
    if (error == http::error::body_limit) {
      out = problem(
          413, fmt::format("a request body has at most {}", human_bytes(limits.body_bytes_max)));
    } else if (error == http::error::header_limit) {
      out = problem(431, "the request header is too large");
    } else if (error) {
      break;
    } else {
      auto in = parser.release();
      keep = in.keep_alive();
      version = in.version();
      is_head = in.method() == http::verb::head;
      auto person = person_of(stream.socket(), in);
      stream.expires_never();
      auto remote_ip = ip_of(stream.socket());
      out = co_await answer(std::move(in), std::move(person), std::move(remote_ip));
    }
    http::response<http::string_body> reply{static_cast<http::status>(out.status), version};
    reply.set(http::field::content_type, out.content_type);
    reply.set(http::field::cache_control, "no-store");
    for (const auto& [name, value] : out.headers) reply.set(name, value);
    reply.keep_alive(keep);
    reply.body() = std::move(out.body);
    reply.prepare_payload();
    // RFC 9110 section 9.3.2: the length, but not the content.
    if (is_head) reply.body().clear();
    stream.expires_after(limits.answer_timeout);
    const auto [write_error, written] = co_await http::async_write(stream, reply, no_throw);
    if (write_error || !keep) break;
  }
  beast::error_code ignored;
  stream.socket().shutdown(Protocol::socket::shutdown_both, ignored);
  --connections;
}

template <class Protocol>
asio::awaitable<void> http_server::state::accept(typename Protocol::acceptor& acceptor) {
  for (;;) {
    auto [error, socket] = co_await acceptor.async_accept(no_throw);
    if (error == asio::error::operation_aborted || !acceptor.is_open()) co_return;
    if (error) {
      // Out of descriptors, say: give the others a moment to end.
      asio::steady_timer pause{executor, std::chrono::milliseconds{100}};
      co_await pause.async_wait(no_throw);
      continue;
    }
    if (connections >= limits.connections_max) continue;
    ++connections;
    scope.spawn(serve<Protocol>(std::move(socket)));
  }
}

http_server::http_server(asio::any_io_executor executor, handler h, http_limits limits)
    : state_{std::make_shared<state>(std::move(executor), std::move(h), limits)} {
  state_->unix_acceptors.reserve(4);
  state_->tcp_acceptors.reserve(4);
}

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
  auto& acceptor = state_->unix_acceptors.emplace_back(state_->executor);
  acceptor.open(unix_socket{}, code);
  const auto mask = ::umask(0117);
  if (!code) acceptor.bind(unix_socket::endpoint{socket.string()}, code);
  ::umask(mask);
  if (!code) acceptor.listen(asio::socket_base::max_listen_connections, code);
  if (code) throw configuration_error(socket.string() + ": " + code.message());
  state_->sockets.push_back(socket);
  state_->scope.spawn(state_->accept<unix_socket>(acceptor));
}

std::uint16_t http_server::listen_tcp(const std::string& host, std::uint16_t port,
                                      std::map<std::string, std::string> tokens) {
  state_->tokens = std::move(tokens);
  const tcp::endpoint at{asio::ip::make_address(host), port};
  auto& acceptor = state_->tcp_acceptors.emplace_back(state_->executor);
  boost::system::error_code code;
  acceptor.open(at.protocol(), code);
  if (!code) acceptor.set_option(tcp::acceptor::reuse_address(true), code);
  if (!code) acceptor.bind(at, code);
  if (!code) acceptor.listen(asio::socket_base::max_listen_connections, code);
  if (code)
    throw configuration_error(fmt::format("HTTP listener {}:{}: {}", host, port, code.message()));
  state_->scope.spawn(state_->accept<tcp>(acceptor));
  return acceptor.local_endpoint().port();
}

std::uint16_t http_server::listen_public(const std::string& host, std::uint16_t port) {
  state_->is_public = true;
  return listen_tcp(host, port, {});
}

asio::awaitable<void> http_server::stop(std::chrono::steady_clock::time_point deadline) {
  boost::system::error_code ignored;
  for (auto& a : state_->unix_acceptors) a.close(ignored);
  for (auto& a : state_->tcp_acceptors) a.close(ignored);
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

response problem(int status, const std::string& detail) {
  const auto title = http::obsolete_reason(static_cast<http::status>(status));
  auto out = json_response({{"title", std::string_view{title.data(), title.size()}},
                            {"status", status},
                            {"detail", detail}},
                           status);
  out.content_type = "application/problem+json";
  return out;
}

std::map<std::string, std::string> read_tokens(const std::filesystem::path& file) {
  const auto content = read_key_file(file);
  if (!content) throw configuration_error(describe(content.error()));
  std::map<std::string, std::string> tokens;
  int number = 0;
  for (auto line : split(content->reveal(), '\n')) {
    ++number;
    line = trim(line);
    if (line.empty() || line.front() == '#') continue;
    const auto space = line.find(' ');
    const auto digest = line.substr(0, space);
    const auto person =
        space == std::string_view::npos ? std::string_view{} : trim(line.substr(space));
    if (digest.size() != 64 || !parse_hex(digest) || person.empty())
      throw configuration_error(fmt::format(
          "{}:{}: must be \"<sha-256 of the token, hex> <person>\"", file.string(), number));
    tokens[ascii_lower(digest)] = person;
  }
  return tokens;
}

}  // namespace consentry::app::admin

// The operators' HTTP: a Unix socket whose peers are known by their login (SO_PEERCRED), and, if
// asked for, TCP with bearer tokens. Knows HTTP, bounds and persons; the resources stand in api.h.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/json/value.hpp>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace consentry::app::admin {

struct request {
  std::string method;  // "GET"
  std::vector<std::string>
      path;  // "/v1/tenants/acme" -> {"v1", "tenants", "acme"}, percent-decoded
  std::map<std::string, std::string> query;    // decoded
  std::string content_type;                    // "text/csv", lower case, without parameters
  std::map<std::string, std::string> headers;  // lower-case name -> value; of several, the last
  std::string body;
  std::string person;     // who asks: "root", "anna"
  std::string remote_ip;  // of the peer, empty on the Unix socket; behind a proxy, the proxy's
};

struct response {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;  // more of them
};

response json_response(const boost::json::value& v, int status = 200);
// RFC 9457: {"title": .., "status": .., "detail": ..} as application/problem+json.
response problem(int status, const std::string& detail);

using handler = std::function<boost::asio::awaitable<response>(request)>;

struct http_limits {
  std::size_t header_bytes_max = 16u << 10;
  std::size_t body_bytes_max = 64u << 20;
  std::size_t connections_max = 64;
  std::chrono::seconds request_timeout{30};  // for one request to arrive
  std::chrono::seconds answer_timeout{600};  // for one answer to be written
};

class http_server {
 public:
  http_server(boost::asio::any_io_executor executor, handler h, http_limits limits = {});
  ~http_server();

  // Throws configuration_error. The socket gets mode 0660; a stale one is replaced, a live one is
  // not.
  void listen_unix(const std::filesystem::path& socket);
  // tokens: SHA-256 of the token, hex -> person. Returns the bound port.
  std::uint16_t listen_tcp(const std::string& host, std::uint16_t port,
                           std::map<std::string, std::string> tokens);

  // Anybody may ask; request::person is empty. Plain HTTP: TLS is the reverse proxy's. Returns the
  // bound port.
  std::uint16_t listen_public(const std::string& host, std::uint16_t port);

  // Stops accepting, lets running answers end until the deadline, then cancels them.
  boost::asio::awaitable<void> stop(std::chrono::steady_clock::time_point deadline);

 private:
  struct state;
  std::shared_ptr<state> state_;
};

// Lines "<sha-256 of the token, hex> <person>", '#' comments; the file must have mode 0600. Throws
// configuration_error.
std::map<std::string, std::string> read_tokens(const std::filesystem::path& file);

}  // namespace consentry::app::admin

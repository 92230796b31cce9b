// HTTP for operators and tenants: a Unix socket whose peers are known by their login (SO_PEERCRED),
// and TCP, with TLS. Knows HTTP and its bounds; who may ask for what is decided by a doorman
// (access.h) before a body is read; the resources stand in api.h.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/json/value.hpp>
#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/secret.h"
#include "policy/tenants/user.h"

namespace boost::asio::ssl {
class context;
}

namespace consentry::app::admin {

struct request {
  std::string method;  // "GET"
  std::vector<std::string>
      path;  // "/v1/tenants/acme" -> {"v1", "tenants", "acme"}, percent-decoded
  std::map<std::string, std::string> query;    // decoded
  std::string content_type;                    // "text/csv", lower case, without parameters
  std::map<std::string, std::string> headers;  // lower-case name -> value; of several, the last
  std::string body;                            // not yet there when a doorman looks
  bool has_body = false;                       // one is announced
  std::string remote_ip;  // of the peer, empty on the Unix socket; behind a proxy, the proxy's

  // What the doorman goes by, and empties: the login behind a Unix socket, the token of a header.
  std::string kernel_login;
  std::string bearer;
  std::string session;  // the secret in the console's cookie
  // Who asks, as the doorman found: "root", "anna". Nobody may anything before.
  std::string person;
  policy::tenants::role as = policy::tenants::role::none;
  tenant_id tenant;                     // whose person that is; 0: staff's
  std::optional<digest256> by_session;  // the key of the session that let them in
};

struct response {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;  // more of them
  // For an answer without a known end, instead of body: asked for piece after piece until one is
  // empty, the other side is gone or the server stops. It owns what it needs.
  std::function<boost::asio::awaitable<std::string>()> next_piece;
};

response json_response(const boost::json::value& v, int status = 200);
// RFC 9457 as application/problem+json: type, title, status, detail, and `code`, which is stable
// ("not_found"; `type` is "urn:consentry:problem:" and the code). Without a code, the status' own.
// more: members beside those.
response problem(int status, const std::string& detail, std::string_view code = {},
                 boost::json::value more = nullptr);

using handler = std::function<boost::asio::awaitable<response>(request)>;

// What is said to a request when its head is there and its body is not.
struct admission {
  std::optional<response> refusal;  // then the body is not read
  std::size_t body_bytes_max = 0;
};
using doorman = std::function<admission(request& head)>;  // on the server's executor; quick

// Asked for each new connection: a reload just answers another. nullptr: the connection is ended.
using tls_source = std::function<std::shared_ptr<boost::asio::ssl::context>()>;

struct http_limits {
  std::size_t header_bytes_max = 16u << 10;
  std::size_t body_bytes_max = 64u << 20;  // where there is no doorman
  std::size_t connections_max = 64;
  // Of an IPv4 address or an IPv6 /64; loopback, where proxies are, has no such limit.
  std::size_t connections_per_ip_max = 32;
  // Bodies that are being read or answered, of all connections together. Those of at most
  // body_small are not counted: connections_max bounds them.
  std::size_t bodies_in_memory_max = 512u << 20;
  std::size_t body_small = 256u << 10;
  std::size_t requests_per_connection_max = 10'000;
  std::chrono::seconds handshake_timeout{10};
  std::chrono::seconds request_timeout{30};  // for the head of a request to arrive
  std::chrono::seconds body_pause_max{30};   // between two pieces of a body
  std::chrono::seconds body_timeout{600};    // for all of it
  std::chrono::seconds answer_timeout{600};  // for one answer to be written
};

class http_server {
 public:
  // Without a doorman anybody may ask.
  http_server(boost::asio::any_io_executor executor, handler h, http_limits limits = {},
              doorman d = {});
  ~http_server();

  // Throws configuration_error. The socket gets mode 0660; a stale one is replaced, a live one is
  // not.
  void listen_unix(const std::filesystem::path& socket);
  // With TLS if there is a source. Returns the bound port.
  std::uint16_t listen_tcp(const std::string& host, std::uint16_t port, tls_source tls = {});

  // Stops accepting, lets running answers end until the deadline, then cancels them.
  boost::asio::awaitable<void> stop(std::chrono::steady_clock::time_point deadline);

 private:
  struct state;
  std::shared_ptr<state> state_;
};

}  // namespace consentry::app::admin

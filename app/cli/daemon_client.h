// Asks the running daemon over its Unix socket.
#pragma once

#include <boost/json/value.hpp>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace consentry::app::cli {

// Exit codes: 0 done, 1 the answer is no, 2 usage, 3 could not.
inline constexpr int exit_done = 0;
inline constexpr int exit_no = 1;
inline constexpr int exit_usage = 2;
inline constexpr int exit_could_not = 3;

struct answer {
  int status = 0;
  boost::json::value body;

  bool is_ok() const noexcept { return status >= 200 && status < 300; }
  // 404, 409, 403, 422: a clear no. Else it could not be done.
  int exit_code() const noexcept;
  std::string detail() const;  // of a problem
  std::string code() const;    // of a problem
};

struct daemon_address {
  std::string path;    // of the Unix socket
  std::string reason;  // why a person's data is looked at; stands in the tenant's audit
  std::function<std::string()> ask_reason;  // where none was given and one is needed
};

class daemon_client {
 public:
  explicit daemon_client(daemon_address at) : at_{std::move(at)} {}

  // Blocks. failure unavailable: nobody listens there.
  result<answer> get(const std::string& target) const;
  // The body as it is; failure invalid, with the problem's words, where the answer is none.
  result<std::string> get_bytes(const std::string& target) const;
  result<answer> post(const std::string& target, const boost::json::value& body) const;
  result<answer> patch(const std::string& target, const boost::json::value& body) const;
  result<answer> remove(const std::string& target, const std::string& reason = {}) const;
  result<answer> put(const std::string& target, std::string body,
                     std::string_view content_type) const;
  // What is no JSON: the bytes from `from` on, as many as the daemon gives at once.
  struct text_answer {
    int status = 0;
    std::string body;
    std::uint64_t whole_bytes = 0;  // of all there is
  };
  result<text_answer> get_text(const std::string& target, std::uint64_t from) const;
  result<answer> post_file(const std::string& target, std::string body,
                           std::string_view content_type) const;

 private:
  struct exchange;
  result<void> talk(exchange& x) const;
  result<answer> ask(std::string_view method, const std::string& target, std::string body,
                     std::string_view content_type, std::string reason = {}) const;
  result<answer> ask_once(std::string_view method, const std::string& target, std::string body,
                          std::string_view content_type, const std::string& reason) const;
  daemon_address at_;
};

// "/v1/queue?tenant=acme&limit=5": values percent-encoded; empty ones left out.
std::string target(std::string_view path, const std::map<std::string, std::string>& query);
std::string path_segment(std::string_view text);

}  // namespace consentry::app::cli

// Asks the running daemon over its Unix socket.
#pragma once

#include <boost/json/value.hpp>
#include <filesystem>
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
};

class daemon_client {
 public:
  explicit daemon_client(std::filesystem::path socket) : socket_{std::move(socket)} {}

  // Blocks. failure unavailable: nobody listens there.
  result<answer> get(const std::string& target) const;
  // The body as it is; failure invalid, with the problem's words, where the answer is none.
  result<std::string> get_bytes(const std::string& target) const;
  result<answer> post(const std::string& target, const boost::json::value& body) const;
  result<answer> post_file(const std::string& target, std::string body,
                           std::string_view content_type) const;

 private:
  struct raw_answer {
    int status = 0;
    std::string body;
  };
  result<raw_answer> send(std::string_view method, const std::string& target, std::string body,
                          std::string_view content_type) const;
  result<answer> ask(std::string_view method, const std::string& target, std::string body,
                     std::string_view content_type) const;
  std::filesystem::path socket_;
};

// "/v1/queue?tenant=acme&limit=5": values percent-encoded; empty ones left out.
std::string target(std::string_view path, const std::map<std::string, std::string>& query);
std::string path_segment(std::string_view text);

}  // namespace consentry::app::cli

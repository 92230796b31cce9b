// A process of our own that may die: a program at the other end of a socket, its standard input.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace consentry {

// Movable. Ends with its owner: killed and waited for.
class confined_process {
 public:
  using deadline = std::chrono::steady_clock::time_point;

  // It inherits the socket and nothing else: no environment, no descriptor, no ignored signal; what
  // it prints is lost. io: it cannot be started.
  static result<confined_process> start(const std::filesystem::path& program,
                                        const std::vector<std::string>& arguments);

  ~confined_process();
  confined_process(confined_process&& other) noexcept;
  confined_process& operator=(confined_process&& other) noexcept;

  // Writes a request and reads an answer: a head of head_octets, and a body as long as body_length
  // makes of the head (nullopt: no head of ours). After a failure the process is of no more use.
  // timeout: the deadline passed. io: it ended. protocol: it talks nonsense.
  // Blocks; one thread at a time.
  result<std::string> exchange(
      std::string_view request, std::size_t head_octets,
      const std::function<std::optional<std::size_t>(std::string_view head)>& body_length,
      deadline until);

  // Ends it, after so long at most: "was killed by signal 11", "ended with code 4".
  std::string end(std::chrono::milliseconds patience = {});

  pid_t id() const noexcept { return process_; }

 private:
  confined_process(pid_t process, int socket) noexcept : process_{process}, socket_{socket} {}
  result<void> write(std::string_view bytes, deadline until);
  result<void> read(char* to, std::size_t octets, deadline until);
  result<void> wait_for(short events, deadline until) const;

  pid_t process_ = -1;
  int socket_ = -1;
};

// A program of ours that lies beside the running one, or in /usr/libexec/consentry.
std::filesystem::path find_own_program(std::string_view name);

}  // namespace consentry

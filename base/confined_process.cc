#include "base/confined_process.h"

#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>

#include "base/check.h"

namespace consentry {
namespace {

failure io_failure(const char* what, int error) {
  return {.kind = failure_kind::io,
          .private_cause = std::string{what} + ": " + std::strerror(error)};
}

// What posix_spawn is told, given back at the end.
class spawn_orders {
 public:
  spawn_orders(int child_end) {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawn_file_actions_adddup2(&actions_, child_end, STDIN_FILENO);
    ::posix_spawn_file_actions_addopen(&actions_, STDOUT_FILENO, "/dev/null", 1, 0);
    ::posix_spawn_file_actions_adddup2(&actions_, STDOUT_FILENO, STDERR_FILENO);
    ::posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1);
    ::posix_spawnattr_init(&attributes_);
    sigset_t all;
    sigset_t none;
    ::sigfillset(&all);
    ::sigemptyset(&none);
    ::posix_spawnattr_setsigdefault(&attributes_, &all);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  }
  ~spawn_orders() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }
  spawn_orders(const spawn_orders&) = delete;
  spawn_orders& operator=(const spawn_orders&) = delete;

  int run(pid_t& process, const std::string& program, char** arguments) const {
    char* no_environment[] = {nullptr};
    return ::posix_spawn(&process, program.c_str(), &actions_, &attributes_, arguments,
                         no_environment);
  }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

}  // namespace

result<confined_process> confined_process::start(const std::filesystem::path& program,
                                                 const std::vector<std::string>& arguments) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return io_failure("socketpair", errno);
  std::vector<std::string> words{program.string()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  pointers.reserve(words.size() + 1);
  for (auto& w : words) pointers.push_back(w.data());
  pointers.push_back(nullptr);
  pid_t process = -1;
  const int error = spawn_orders{ends[1]}.run(process, words.front(), pointers.data());
  ::close(ends[1]);
  if (error != 0) {
    ::close(ends[0]);
    return io_failure(program.c_str(), error);
  }
  return confined_process{process, ends[0]};
}

confined_process::~confined_process() {
  end();
}

confined_process::confined_process(confined_process&& other) noexcept
    : process_{std::exchange(other.process_, -1)}, socket_{std::exchange(other.socket_, -1)} {}

confined_process& confined_process::operator=(confined_process&& other) noexcept {
  std::swap(process_, other.process_);
  std::swap(socket_, other.socket_);
  return *this;
}

std::string confined_process::end(std::chrono::milliseconds patience) {
  if (process_ < 0) return "had ended";
  ::close(std::exchange(socket_, -1));
  int status = 0;
  pid_t ended = ::waitpid(process_, &status, WNOHANG);
  constexpr std::chrono::milliseconds step{2};
  for (; ended == 0 && patience.count() > 0; patience -= step) {
    std::this_thread::sleep_for(step);
    ended = ::waitpid(process_, &status, WNOHANG);
  }
  if (ended == 0) {
    ::kill(process_, SIGKILL);
    while (::waitpid(process_, &status, 0) < 0 && errno == EINTR) {
    }
  }
  process_ = -1;
  if (WIFSIGNALED(status)) return "was killed by signal " + std::to_string(WTERMSIG(status));
  return "ended with code " + std::to_string(WEXITSTATUS(status));
}

result<void> confined_process::wait_for(short events, deadline until) const {
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    pollfd p{.fd = socket_, .events = events, .revents = 0};
    const auto patience = std::clamp<std::chrono::milliseconds::rep>(left.count(), 0, 3'600'000);
    const int ready = ::poll(&p, 1, static_cast<int>(patience));
    if (ready > 0) return {};
    if (ready == 0) return failure{.kind = failure_kind::timeout};
    if (errno != EINTR) return io_failure("poll", errno);
  }
}

result<void> confined_process::write(std::string_view bytes, deadline until) {
  while (!bytes.empty()) {
    if (auto ready = wait_for(POLLOUT, until); !ready) return ready;
    const auto put = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (put >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(put));
    } else if (errno != EAGAIN && errno != EINTR) {
      return io_failure("send", errno);
    }
  }
  return {};
}

result<void> confined_process::read(char* to, std::size_t octets, deadline until) {
  while (octets > 0) {
    if (auto ready = wait_for(POLLIN, until); !ready) return ready;
    const auto got = ::recv(socket_, to, octets, MSG_DONTWAIT);
    if (got > 0) {
      to += got;
      octets -= static_cast<std::size_t>(got);
    } else if (got == 0) {
      return io_failure("recv", ECONNRESET);
    } else if (errno != EAGAIN && errno != EINTR) {
      return io_failure("recv", errno);
    }
  }
  return {};
}

result<std::string> confined_process::exchange(
    std::string_view request, std::size_t head_octets,
    const std::function<std::optional<std::size_t>(std::string_view head)>& body_length,
    deadline until) {
  CONSENTRY_CHECK(process_ > 0);
  if (auto done = write(request, until); !done) return done.error();
  std::string head(head_octets, '\0');
  if (auto done = read(head.data(), head.size(), until); !done) return done.error();
  const auto octets = body_length(head);
  if (!octets) return failure{.kind = failure_kind::protocol};
  std::string body(*octets, '\0');
  if (auto done = read(body.data(), body.size(), until); !done) return done.error();
  return body;
}

std::filesystem::path find_own_program(std::string_view name) {
  std::error_code error;
  const auto own = std::filesystem::read_symlink("/proc/self/exe", error);
  const auto beside = own.parent_path() / name;
  if (std::filesystem::exists(beside, error)) return beside;
  return std::filesystem::path{"/usr/libexec/consentry"} / name;
}

}  // namespace consentry

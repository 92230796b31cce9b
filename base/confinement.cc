#include "base/confinement.h"

#include <fcntl.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <type_traits>

#include "base/result.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CONSENTRY_IS_SANITIZED 1
extern "C" const char* __asan_default_options() {
  return "detect_leaks=0";
}  // it would ptrace
#endif
#endif

namespace consentry {
namespace {

constexpr int exit_usage = 2;

void must(bool done, const char* what) {
  if (!done)
    throw configuration_error{std::string{"confinement: "} + what + ": " + std::strerror(errno)};
}

void limit(__rlimit_resource what, rlim_t most) {
  const rlimit both{most, most};
  must(::setrlimit(what, &both) == 0, "setrlimit");
}

void limit_resources(const confinement_limits& limits) {
#ifndef CONSENTRY_IS_SANITIZED  // whose shadow memory is larger
  limit(RLIMIT_AS, limits.memory_octets);
#endif
  limit(RLIMIT_CPU, limits.cpu_s);
  limit(RLIMIT_FSIZE, 0);
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_NPROC, 0);
  limit(RLIMIT_MEMLOCK, 0);
}

struct filter_releaser {
  void operator()(void* f) const noexcept { seccomp_release(f); }
};
using filter = std::unique_ptr<std::remove_pointer_t<scmp_filter_ctx>, filter_releaser>;

void allow(const filter& f, int call) {
  errno = -seccomp_rule_add(f.get(), SCMP_ACT_ALLOW, call, 0);
  must(errno == 0, "seccomp_rule_add");
}

// Fails as if it was not there: libraries look for fonts and tables that they can do without.
void deny(const filter& f, int call, int error) {
  errno = -seccomp_rule_add(f.get(), SCMP_ACT_ERRNO(static_cast<unsigned>(error)), call, 0);
  must(errno == 0, "seccomp_rule_add");
}

// Memory that is never executed.
void allow_memory(const filter& f, int call) {
  const scmp_arg_cmp no_code{
      .arg = 2, .op = SCMP_CMP_MASKED_EQ, .datum_a = PROT_EXEC, .datum_b = 0};
  errno = -seccomp_rule_add_array(f.get(), SCMP_ACT_ALLOW, call, 1, &no_code);
  must(errno == 0, "seccomp_rule_add");
}

filter make_filter() {
  filter f{seccomp_init(SCMP_ACT_KILL_PROCESS)};
  must(f != nullptr, "seccomp_init");
  for (const int call : {SCMP_SYS(read),
                         SCMP_SYS(write),
                         SCMP_SYS(readv),
                         SCMP_SYS(writev),
                         SCMP_SYS(close),
                         SCMP_SYS(fstat),
                         SCMP_SYS(lseek),
                         SCMP_SYS(munmap),
                         SCMP_SYS(mremap),
                         SCMP_SYS(brk),
                         SCMP_SYS(madvise),
                         SCMP_SYS(futex),
                         SCMP_SYS(exit),
                         SCMP_SYS(exit_group),
                         SCMP_SYS(rt_sigreturn),
                         SCMP_SYS(rt_sigprocmask),
                         SCMP_SYS(rt_sigaction),
                         SCMP_SYS(sigaltstack),
                         SCMP_SYS(getrandom),
                         SCMP_SYS(clock_gettime),
                         SCMP_SYS(gettimeofday),
                         SCMP_SYS(time),
                         SCMP_SYS(getpid),
                         SCMP_SYS(gettid),
                         SCMP_SYS(tgkill),
                         SCMP_SYS(sched_yield),
                         SCMP_SYS(restart_syscall),
                         SCMP_SYS(getrusage),
                         SCMP_SYS(sched_getaffinity)})
    allow(f, call);
  for (const int call : {SCMP_SYS(mmap), SCMP_SYS(mprotect)}) allow_memory(f, call);
  for (const int call :
       {SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(stat), SCMP_SYS(lstat), SCMP_SYS(newfstatat),
        SCMP_SYS(statx), SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(readlink),
        SCMP_SYS(readlinkat), SCMP_SYS(getcwd), SCMP_SYS(sysinfo)})
    deny(f, call, EACCES);
  deny(f, SCMP_SYS(ioctl), ENOTTY);  // whether a stream is a terminal
#ifdef CONSENTRY_IS_SANITIZED
  allow(f, SCMP_SYS(pipe2));  // how the sanitizers find out whether memory can be read
#endif
  return f;
}

}  // namespace

void confine(const confinement_limits& limits) {
  limit_resources(limits);
  must(::prctl(PR_SET_DUMPABLE, 0) == 0, "PR_SET_DUMPABLE");
  must(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "PR_SET_NO_NEW_PRIVS");
  const auto f = make_filter();
  errno = -seccomp_load(f.get());
  must(errno == 0, "seccomp_load");
}

int try_call(const std::string& call) {
  if (call == "open") return ::open("/etc/passwd", O_RDONLY) >= 0 ? EXIT_SUCCESS : EXIT_FAILURE;
  if (call == "socket") return ::socket(AF_INET, SOCK_STREAM, 0) >= 0 ? EXIT_SUCCESS : EXIT_FAILURE;
  if (call == "fork") return ::fork() >= 0 ? EXIT_SUCCESS : EXIT_FAILURE;
  if (call == "exec") ::execl("/bin/true", "true", nullptr);
  if (call == "memory")
    return ::mmap(nullptr, std::size_t{8} << 30, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED
               ? EXIT_SUCCESS
               : EXIT_FAILURE;
  if (call == "nothing") return EXIT_SUCCESS;
  return EXIT_FAILURE;
}

int run_confined(int argc, char** argv, const confined_program& program) {
  if (argc != 3) {
    std::fprintf(stderr, "%s: started by consentryd only\n", program.name);
    return exit_usage;
  }
  try {
    const bool is_trial = std::string{argv[1]} == "--try";
    confinement_limits limits;
    if (!is_trial) {
      limits.memory_octets = std::strtoul(argv[1], nullptr, 10) << 20;
      limits.cpu_s = static_cast<unsigned>(std::strtoul(argv[2], nullptr, 10));
    }
    program.prepare();
    confine(limits);
    return is_trial ? try_call(argv[2]) : program.serve();
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s: %s\n", program.name, e.what());
    return exit_protocol;
  }
}

bool read_whole(char* to, std::size_t count) {
  while (count > 0) {
    const auto got = ::read(STDIN_FILENO, to, count);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    to += got;
    count -= static_cast<std::size_t>(got);
  }
  return true;
}

bool write_whole(const std::string& bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    const auto put = ::write(STDIN_FILENO, bytes.data() + at, bytes.size() - at);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;
    at += static_cast<std::size_t>(put);
  }
  return true;
}

}  // namespace consentry

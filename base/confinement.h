// What a process of ours that handles strangers' bytes may still do once it has started: think, and
// talk over the descriptors it has. The one door to libseccomp; a library of its own, so that the
// daemon does not carry it.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

namespace consentry {

struct confinement_limits {
  std::size_t memory_octets = 1u << 30;  // address space
  unsigned cpu_s = 120;                  // of the process's whole life
};

// Sets resource limits, gives up every privilege, and has the kernel end the process at any call
// but those for memory, time and its open descriptors; opening files fails. Throws
// configuration_error where the kernel does not do it: then nothing may be read.
void confine(const confinement_limits& limits);

// For tests, in a confined process: does what it must not. EXIT_SUCCESS only where the kernel let
// it: "open", "socket", "fork", "exec", "memory"; "nothing" is let.
int try_call(const std::string& call);

inline constexpr int exit_protocol = 4;  // such a program's end where it does not go on

struct confined_program {
  const char* name;               // "consentry-reader"
  std::function<void()> prepare;  // what needs files: nothing of strangers was read yet
  std::function<int()> serve;     // confined, until its socket ends: the exit code
};

// The whole of main(): prepares, confines itself and serves.
//
//   NAME MEMORY_MIB CPU_S       answers requests until the socket ends
//   NAME --try CALL             confines itself, then does what it must not; for tests
int run_confined(int argc, char** argv, const confined_program& program);

// The socket that is a confined process's standard input: whole, or false at its end.
bool read_whole(char* to, std::size_t count);
bool write_whole(const std::string& bytes);

}  // namespace consentry

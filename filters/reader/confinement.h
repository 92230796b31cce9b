// What the reader may still do once it has started: think, and talk over the descriptors it has.
// The one door to libseccomp.
#pragma once

#include <cstddef>
#include <string>

namespace consentry::filters::reader {

struct confinement_limits {
  std::size_t memory_octets = 1u << 30;  // address space
  unsigned cpu_s = 120;                  // of the process's whole life
};

// Sets resource limits, gives up every privilege, and has the kernel end the process at any call
// but those for memory, time and its open descriptors; opening files fails. Throws
// configuration_error where the kernel does not do it: then nothing may be read.
void confine(const confinement_limits& limits);

}  // namespace consentry::filters::reader

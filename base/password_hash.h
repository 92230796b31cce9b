// Passwords of people, kept so that a stolen store is dear to guess from: argon2id (RFC 9106).
// CPU and memory for a worker thread; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace consentry {

// RFC 9106 section 4, the second recommended choice, with one lane: a worker is one thread.
// docs/decisions/console-sign-in.md has what it takes here.
struct password_cost {
  std::uint32_t memory_kib = 64u << 10;
  std::uint32_t passes = 3;
  std::uint32_t lanes = 1;
};

// "$argon2id$v=19$m=65536,t=3,p=1$<salt>$<hash>" with a fresh salt of 16 bytes. Throws
// std::bad_alloc.
std::string hash_password(std::string_view password, password_cost cost = {});

// Whether hashed is of this password. False also for what is no such text. Takes as long as it took
// to hash.
bool is_password(std::string_view password, const std::string& hashed);

}  // namespace consentry

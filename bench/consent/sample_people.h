// People and consents for the benchmarks, made up from a number: as many as one likes, without a
// list of them in memory, in the order of their keys.
#pragma once

#include <cstdint>
#include <string>

#include "policy/consent/consent_record.h"

namespace consentry::bench {

class sample_people {
 public:
  sample_people(std::uint32_t tenant, std::uint64_t count) : tenant_{tenant}, count_{count} {}

  // As spread as pseudonyms are, and ascending with the number.
  std::string person(std::uint64_t i) const;
  // Of a usual length: 19 to 31 characters, 25 in the mean.
  static std::string address(std::uint64_t i);

  policy::consent::consent_key key(std::uint64_t i) const;
  // A plain one: given_at, method, provenance, notice hash.
  policy::consent::consent_record record(std::uint64_t i) const;

  std::uint64_t count() const noexcept { return count_; }
  tenant_id tenant() const noexcept { return {tenant_}; }

  static constexpr const char* sender = "Minta Webshop Kft.";
  static constexpr const char* topic = "newsletter";

 private:
  std::uint32_t tenant_;
  std::uint64_t count_;
};

// Fast, and the same everywhere.
std::uint64_t mixed(std::uint64_t n) noexcept;

}  // namespace consentry::bench

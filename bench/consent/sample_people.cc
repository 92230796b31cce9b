#include "bench/consent/sample_people.h"

#include <array>

#include "base/bytes.h"

namespace consentry::bench {

namespace {

constexpr std::array<std::string_view, 12> family{"nagy",    "kovacs", "toth",   "szabo",
                                                  "horvath", "varga",  "kiss",   "molnar",
                                                  "nemeth",  "farkas", "balogh", "papp"};
constexpr std::array<std::string_view, 12> given{"anna",    "maria",  "erzsebet", "ilona",
                                                 "katalin", "eva",    "laszlo",   "istvan",
                                                 "jozsef",  "zoltan", "gabor",    "peter"};
constexpr std::array<std::string_view, 8> host{"gmail.com",   "freemail.hu", "citromail.hu",
                                               "outlook.com", "t-online.hu", "indamail.hu",
                                               "yahoo.com",   "upcmail.hu"};

constexpr std::int64_t noon_2026_ms = 1'767'268'800'000;  // 2026-01-01T12:00Z

}  // namespace

std::uint64_t mixed(std::uint64_t n) noexcept {  // splitmix64
  n += 0x9E3779B97F4A7C15U;
  n = (n ^ n >> 30) * 0xBF58476D1CE4E5B9U;
  n = (n ^ n >> 27) * 0x94D049BB133111EBU;
  return n ^ n >> 31;
}

std::string sample_people::person(std::uint64_t i) const {
  const auto step = UINT64_MAX / count_;
  return byte_writer{}.be64(i * step + mixed(i) % step).be64(mixed(~i)).take();
}

std::string sample_people::address(std::uint64_t i) {
  const auto n = mixed(i);
  std::string out{family[n % family.size()]};
  out += '.';
  out += given[n / 16 % given.size()];
  out += std::to_string(n / 256 % 10'000);
  out += '@';
  out += host[n >> 40 & 7];
  return out;
}

policy::consent::consent_key sample_people::key(std::uint64_t i) const {
  return {tenant_id{tenant_}, person(i), sender, topic};
}

policy::consent::consent_record sample_people::record(std::uint64_t i) const {
  policy::consent::consent_record r;
  r.sender = sender;
  r.topic = topic;
  const auto before_s = static_cast<std::int64_t>(mixed(i + 1) % (150 * 86'400));
  r.given_at = from_ms(noon_2026_ms - before_s * 1000);
  r.given_at_text = to_string_budapest(*r.given_at);
  r.method = "web_form";
  r.provenance = "own_form";
  r.notice.hash = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
  r.importer = "anna";
  r.recorded_at = from_ms(noon_2026_ms + 123);
  r.salt = byte_writer{}.be64(mixed(i + 2)).be64(mixed(i + 3)).take();
  return r;
}

}  // namespace consentry::bench

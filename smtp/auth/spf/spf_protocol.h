// What the daemon and the process that evaluates SPF say to each other (RFC 7208). The process asks
// the DNS through the daemon: it has no network of its own.
//
//   frame    = magic "CSP1", be32 octets, u8 kind, body
//   check    = text domain, text address, text local_part     daemon to process
//   question = text name, be16 type                            process to daemon
//   answer   = u8 found, varint n, text*                       daemon to process
//   verdict  = u8 result, text why                             process to daemon
//
// Records stand as the library wants them: A 4 and AAAA 16 octets, MX and PTR names, TXT joined.
// Both sides take what the other says for a stranger's word: sizes are bounded, what decodes badly
// ends the conversation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace consentry::smtp::auth::spf {

// RFC 7208 section 2.6. Numbers go over the socket and into the store.
enum class spf_result : std::uint8_t {
  none = 1,
  neutral = 2,
  pass = 3,
  fail = 4,
  softfail = 5,
  temperror = 6,
  permerror = 7,
};
std::string_view to_string(spf_result r) noexcept;

struct check_request {
  std::string domain;   // A-labels
  std::string address;  // "192.0.2.1", "2001:db8::1"
  std::string local_part = "postmaster";
  friend bool operator==(const check_request&, const check_request&) = default;
};

enum class question_type : std::uint16_t { a = 1, ptr = 12, mx = 15, txt = 16, aaaa = 28 };

struct dns_question {
  std::string name;
  question_type type = question_type::txt;
  friend bool operator==(const dns_question&, const dns_question&) = default;
};

enum class dns_finding : std::uint8_t {
  found = 1,
  nothing = 2,  // the name exists, without such records
  no_name = 3,
  failed = 4,  // no trustworthy answer
};

struct dns_reply {
  dns_finding found = dns_finding::failed;
  std::vector<std::string> records;
  friend bool operator==(const dns_reply&, const dns_reply&) = default;
};

struct check_verdict {
  spf_result result = spf_result::temperror;
  std::string why;  // printable ASCII, one line
  friend bool operator==(const check_verdict&, const check_verdict&) = default;
};

using spf_message = std::variant<check_request, dns_question, dns_reply, check_verdict>;

inline constexpr std::size_t frame_head_octets = 8;
inline constexpr std::size_t frame_octets_max = 128u << 10;
inline constexpr std::size_t records_max = 64;
inline constexpr std::size_t record_octets_max = 4096;  // longer TXT makes the answer a failure
inline constexpr std::size_t name_octets_max = 255;
inline constexpr std::size_t why_octets_max = 300;

// A frame, head included. Records that are too many or too long are not said: found becomes failed.
std::string encode(const spf_message& m);
// The length of the body; nullopt: no head of ours, or too long.
std::optional<std::size_t> body_length(std::string_view head) noexcept;
std::optional<spf_message> decode(std::string_view body);

}  // namespace consentry::smtp::auth::spf

// The words between daemon and reader: a frame each way. Both sides take the other's for a
// stranger's.
//
//   frame   := magic (4) length (be32) body
//   request := "CRQ1" type name limits bytes      answer := "CRA1" unpacked items problems
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "filters/reader/reading.h"

namespace consentry::filters::reader {

inline constexpr std::size_t frame_head_octets = 8;
inline constexpr std::size_t request_octets_max = 80u << 20;

std::string encode(const read_request& request);
std::string encode(const reading& answer);

// Length of the body that a frame's head announces; nullopt: another magic, or more than most.
std::optional<std::size_t> request_length(std::string_view head);
std::optional<std::size_t> answer_length(std::string_view head, std::size_t most);

// Of a frame's body. nullopt: it does not decode to its last octet, or breaks a bound. Texts and
// paths of an answer are made valid UTF-8, its problems printable.
std::optional<read_request> decode_request(std::string_view body);
std::optional<reading> decode_answer(std::string_view body, const read_limits& limits);

// No answer that keeps the limits is longer.
std::size_t answer_octets_max(const read_limits& limits);

}  // namespace consentry::filters::reader

#include "filters/reader/reader_protocol.h"

#include "base/bytes.h"
#include "base/text.h"

namespace consentry::filters::reader {
namespace {

constexpr std::string_view request_magic = "CRQ1";
constexpr std::string_view answer_magic = "CRA1";
constexpr std::size_t path_octets_max = 2'000;
constexpr std::size_t why_octets_max = 300;
constexpr std::size_t problems_max = 1'000;

std::string frame(std::string_view magic, const std::string& body) {
  byte_writer out;
  out.raw(magic).be32(static_cast<std::uint32_t>(body.size())).raw(body);
  return out.take();
}

std::optional<std::size_t> length(std::string_view head, std::string_view magic, std::size_t most) {
  if (head.size() != frame_head_octets || !head.starts_with(magic)) return std::nullopt;
  const std::size_t octets = byte_reader{head.substr(magic.size())}.be32();
  return octets <= most ? std::optional{octets} : std::nullopt;
}

// Items: each file may bring its name, a text and its links.
std::size_t items_max(const read_limits& limits) {
  return 4 * std::size_t{limits.entries_max} + 100;
}

read_limits limits_of(byte_reader& in) {
  read_limits l;
  l.depth_max = static_cast<unsigned>(in.varint());
  l.ratio_max = static_cast<unsigned>(in.varint());
  l.unpacked_max = in.varint();
  l.entries_max = static_cast<unsigned>(in.varint());
  l.time_ms = static_cast<std::uint32_t>(in.varint());
  return l;
}

reading answer_of(byte_reader& in, const read_limits& limits) {
  reading out;
  out.unpacked = in.varint();
  const auto items = in.varint();
  if (items > items_max(limits)) throw decode_error{"items"};
  std::uint64_t octets = 0;
  for (std::uint64_t i = 0; i < items; ++i) {
    const auto kind = in.u8();
    if (kind > static_cast<std::uint8_t>(item_kind::title)) throw decode_error{"kind"};
    const auto path = in.text();
    const auto text = in.text();
    octets += text.size();
    if (path.size() > path_octets_max || octets > limits.unpacked_max) throw decode_error{"size"};
    out.items.push_back({static_cast<item_kind>(kind), to_valid_utf8(path), to_valid_utf8(text)});
  }
  const auto problems = in.varint();
  if (problems > problems_max) throw decode_error{"problems"};
  for (std::uint64_t i = 0; i < problems; ++i) {
    const auto path = in.text();
    const auto why = in.text();
    if (path.size() > path_octets_max) throw decode_error{"path"};
    out.unreadable.push_back({to_valid_utf8(path), printable(why, why_octets_max)});
  }
  return out;
}

}  // namespace

std::string encode(const read_request& request) {
  byte_writer out;
  const auto& l = request.limits;
  out.text(request.type).text(request.name);
  out.varint(l.depth_max).varint(l.ratio_max).varint(l.unpacked_max);
  out.varint(l.entries_max).varint(l.time_ms).text(request.bytes);
  return frame(request_magic, out.bytes());
}

std::string encode(const reading& answer) {
  byte_writer out;
  out.varint(answer.unpacked).varint(answer.items.size());
  for (const auto& i : answer.items)
    out.u8(static_cast<std::uint8_t>(i.kind)).text(i.path.substr(0, path_octets_max)).text(i.text);
  const auto problems = std::min(answer.unreadable.size(), problems_max);
  out.varint(problems);
  for (std::size_t i = 0; i < problems; ++i) {
    const auto& p = answer.unreadable[i];
    out.text(p.path.substr(0, path_octets_max)).text(p.why.substr(0, why_octets_max));
  }
  return frame(answer_magic, out.bytes());
}

std::optional<std::size_t> request_length(std::string_view head) {
  return length(head, request_magic, request_octets_max);
}

std::optional<std::size_t> answer_length(std::string_view head, std::size_t most) {
  return length(head, answer_magic, most);
}

std::optional<read_request> decode_request(std::string_view body) {
  try {
    byte_reader in{body};
    read_request out;
    out.type = in.text();
    out.name = in.text();
    out.limits = limits_of(in);
    out.bytes = in.text();
    if (!in.at_end()) return std::nullopt;
    return out;
  } catch (const decode_error&) {
    return std::nullopt;
  }
}

std::optional<reading> decode_answer(std::string_view body, const read_limits& limits) {
  try {
    byte_reader in{body};
    auto out = answer_of(in, limits);
    if (!in.at_end()) return std::nullopt;
    return out;
  } catch (const decode_error&) {
    return std::nullopt;
  }
}

std::size_t answer_octets_max(const read_limits& limits) {
  return static_cast<std::size_t>(limits.unpacked_max) +
         items_max(limits) * (path_octets_max + 16) +
         problems_max * (path_octets_max + why_octets_max + 16);
}

}  // namespace consentry::filters::reader

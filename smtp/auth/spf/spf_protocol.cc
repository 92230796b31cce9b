#include "smtp/auth/spf/spf_protocol.h"

#include "base/bytes.h"
#include "base/text.h"

namespace consentry::smtp::auth::spf {
namespace {

constexpr std::string_view magic = "CSP1";
enum kind : std::uint8_t { is_check = 1, is_question = 2, is_answer = 3, is_verdict = 4 };

struct body_writer {
  byte_writer out;

  void operator()(const check_request& r) {
    out.u8(is_check).text(r.domain).text(r.address).text(r.local_part);
  }
  void operator()(const dns_question& q) {
    out.u8(is_question).text(q.name).be16(static_cast<std::uint16_t>(q.type));
  }
  void operator()(const dns_reply& r) {
    std::size_t octets = 0;
    bool is_short = r.records.size() <= records_max;
    for (const auto& x : r.records) {
      octets += x.size() + 3;
      is_short = is_short && x.size() <= record_octets_max;
    }
    is_short = is_short && octets < frame_octets_max - 16;
    out.u8(is_answer).u8(static_cast<std::uint8_t>(is_short ? r.found : dns_finding::failed));
    out.varint(is_short ? r.records.size() : 0);
    if (is_short)
      for (const auto& x : r.records) out.text(x);
  }
  void operator()(const check_verdict& v) {
    out.u8(is_verdict)
        .u8(static_cast<std::uint8_t>(v.result))
        .text(printable(v.why, why_octets_max));
  }
};

template <class Enum>
Enum read_enum(std::uint16_t n, Enum first, Enum last) {
  if (n < static_cast<std::uint16_t>(first) || n > static_cast<std::uint16_t>(last))
    throw decode_error{"enum"};
  return static_cast<Enum>(n);
}

std::string bounded(std::string_view text, std::size_t most) {
  if (text.size() > most) throw decode_error{"too long"};
  return std::string{text};
}

question_type read_type(std::uint16_t n) {
  for (const auto t : {question_type::a, question_type::ptr, question_type::mx, question_type::txt,
                       question_type::aaaa})
    if (static_cast<std::uint16_t>(t) == n) return t;
  throw decode_error{"type"};
}

dns_reply read_reply(byte_reader& in) {
  dns_reply r;
  r.found = read_enum(in.u8(), dns_finding::found, dns_finding::failed);
  const auto count = in.varint();
  if (count > records_max) throw decode_error{"records"};
  for (std::uint64_t i = 0; i < count; ++i)
    r.records.push_back(bounded(in.text(), record_octets_max));
  return r;
}

spf_message read(byte_reader& in) {
  switch (in.u8()) {
    case is_check: {
      check_request r;
      r.domain = bounded(in.text(), name_octets_max);
      r.address = bounded(in.text(), name_octets_max);
      r.local_part = bounded(in.text(), name_octets_max);
      return r;
    }
    case is_question: {
      dns_question q;
      q.name = bounded(in.text(), name_octets_max);
      q.type = read_type(in.be16());
      return q;
    }
    case is_answer:
      return read_reply(in);
    case is_verdict: {
      check_verdict v;
      v.result = read_enum(in.u8(), spf_result::none, spf_result::permerror);
      v.why = printable(bounded(in.text(), frame_octets_max), why_octets_max);
      return v;
    }
    default:
      throw decode_error{"kind"};
  }
}

}  // namespace

std::string_view to_string(spf_result r) noexcept {
  switch (r) {
    case spf_result::none:
      return "none";
    case spf_result::neutral:
      return "neutral";
    case spf_result::pass:
      return "pass";
    case spf_result::fail:
      return "fail";
    case spf_result::softfail:
      return "softfail";
    case spf_result::temperror:
      return "temperror";
    case spf_result::permerror:
      return "permerror";
  }
  return "unknown";
}

std::string encode(const spf_message& m) {
  body_writer body;
  std::visit(body, m);
  byte_writer out;
  out.raw(magic).be32(static_cast<std::uint32_t>(body.out.bytes().size())).raw(body.out.bytes());
  return out.take();
}

std::optional<std::size_t> body_length(std::string_view head) noexcept {
  if (head.size() != frame_head_octets || !head.starts_with(magic)) return std::nullopt;
  const std::size_t octets = byte_reader{head.substr(magic.size())}.be32();
  return octets <= frame_octets_max ? std::optional{octets} : std::nullopt;
}

std::optional<spf_message> decode(std::string_view body) {
  try {
    byte_reader in{body};
    auto m = read(in);
    if (!in.at_end()) return std::nullopt;
    return m;
  } catch (const decode_error&) {
    return std::nullopt;
  }
}

}  // namespace consentry::smtp::auth::spf

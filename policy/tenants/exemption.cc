#include "policy/tenants/exemption.h"

#include <fmt/format.h>

#include <charconv>

#include "base/bytes.h"
#include "base/text.h"

namespace consentry::policy::tenants {
namespace {

constexpr std::uint8_t version = 1;
constexpr std::size_t shown_reason_max = 120;

failure no(std::string text) {
  return {.kind = failure_kind::invalid, .permanent = true, .public_text = std::move(text)};
}

civil_date decode_day(std::string_view text) {
  const auto day = parse_date(text);
  if (!day) throw decode_error("exemption: not a day");
  return *day;
}

}  // namespace

bool is_exemptible(std::string_view category) noexcept {
  return category.size() == 2 && category[0] == 'S' && category[1] >= '1' && category[1] <= '7';
}

result<void> check_exemptible(std::string_view category) {
  if (is_exemptible(category)) return {};
  const bool is_hard =
      category.size() == 2 && category[0] == 'H' && category[1] >= '1' && category[1] <= '8';
  if (is_hard)
    return no(fmt::format("category: {} is a hard category, from which nobody is exempt (RULES A6)",
                          category));
  return no(fmt::format("category: one of S1 to S7, not \"{}\"", printable(category, 40)));
}

bool exemption::counts_at(instant now) const {
  return granted_at <= now && budapest_day(now) <= last_day && (!ended_at || now < *ended_at);
}

std::string exemption_id(std::uint32_t number) {
  return "x" + std::to_string(number);
}

std::optional<std::uint32_t> parse_exemption_id(std::string_view text) noexcept {
  if (text.size() < 2 || text[0] != 'x' || text[1] == '0') return std::nullopt;
  std::uint32_t number = 0;
  const auto* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data() + 1, end, number);
  return error == std::errc{} && at == end ? std::optional{number} : std::nullopt;
}

std::string to_text(const exemption& x) {
  return fmt::format("{} to {}, granted by {} ({})", exemption_id(x.number), to_string(x.last_day),
                     x.approver, printable(x.reason, shown_reason_max));
}

std::string encode(const exemption& x) {
  byte_writer w;
  w.u8(version).text(x.category).text(x.approver).text(x.reason).zigzag(to_ms(x.granted_at));
  w.text(to_string(x.last_day)).flag(x.ended_at.has_value());
  if (x.ended_at) w.zigzag(to_ms(*x.ended_at)).text(x.ended_by).text(x.end_reason);
  return w.take();
}

exemption decode_exemption(std::uint32_t number, std::string_view bytes) {
  byte_reader in{bytes};
  if (in.u8() != version) throw decode_error("exemption: unknown version");
  exemption x;
  x.number = number;
  x.category = in.text();
  if (!is_exemptible(x.category)) throw decode_error("exemption: of no category that can be");
  x.approver = in.text();
  x.reason = in.text();
  x.granted_at = from_ms(in.zigzag());
  x.last_day = decode_day(in.text());
  if (in.flag()) {
    x.ended_at = from_ms(in.zigzag());
    x.ended_by = in.text();
    x.end_reason = in.text();
  }
  if (!in.at_end()) throw decode_error("exemption: bytes behind it");
  return x;
}

}  // namespace consentry::policy::tenants

#include "reputation/sent_record.h"

#include <algorithm>

#include "base/bytes.h"

namespace consentry::reputation {
namespace {

// 1: without provider, still read.
constexpr std::uint8_t version = 2;

enum flag : std::uint8_t { delivered = 1, bounced = 2, unsubscribed = 4, was_reversed = 8 };

}  // namespace

std::string encode(const sent_record& r) {
  byte_writer w;
  w.u8(version).u8(static_cast<std::uint8_t>(
      (r.delivered ? flag::delivered : 0) | (r.bounced ? flag::bounced : 0) |
      (r.unsubscribed ? flag::unsubscribed : 0) | (r.reversed_at ? flag::was_reversed : 0)));
  if (r.delivered)
    w.varint(r.tenant.value)
        .varint(r.epoch)
        .varint(r.message.value)
        .u8(static_cast<std::uint8_t>(r.stream))
        .text(r.campaign)
        .text(r.topic)
        .text(r.person)
        .zigzag(to_ms(r.delivered_at))
        .zigzag(r.send_day)
        .text(r.provider);
  w.varint(r.complaints.size());
  for (const auto at : r.complaints) w.zigzag(to_ms(at));
  if (r.reversed_at) w.zigzag(to_ms(*r.reversed_at));
  return w.take();
}

sent_record decode_sent_record(std::string_view bytes) {
  byte_reader in{bytes};
  const auto written_as = in.u8();
  if (written_as != version && written_as != 1) throw decode_error("sent record: unknown version");
  const auto flags = in.u8();
  sent_record r;
  r.delivered = flags & flag::delivered;
  r.bounced = flags & flag::bounced;
  r.unsubscribed = flags & flag::unsubscribed;
  if (r.delivered) {
    r.tenant = {static_cast<std::uint32_t>(in.varint())};
    r.epoch = static_cast<std::uint32_t>(in.varint());
    r.message = {in.varint()};
    r.stream = static_cast<smtp::stream>(in.u8());
    r.campaign = in.text();
    r.topic = in.text();
    r.person = in.text();
    r.delivered_at = from_ms(in.zigzag());
    r.send_day = static_cast<day_number>(in.zigzag());
    if (written_as >= 2) r.provider = in.text();
  }
  const auto count = in.varint();
  if (count > complaints_kept_max) throw decode_error("sent record: too many complaints");
  for (std::uint64_t i = 0; i < count; ++i) r.complaints.push_back(from_ms(in.zigzag()));
  if (flags & flag::was_reversed) r.reversed_at = from_ms(in.zigzag());
  if (!in.at_end()) throw decode_error("sent record: bytes behind it");
  return r;
}

bool is_too_old(const sent_record& r, instant complaint, int max_age_days) {
  return day_of(complaint) - r.send_day > max_age_days;
}

bool has_standing_complaint(const sent_record& r, int max_age_days) {
  return r.delivered && r.stream == smtp::stream::bulk &&
         std::ranges::any_of(r.complaints, [&](instant at) {
           return !is_too_old(r, at, max_age_days) && (!r.reversed_at || at > *r.reversed_at);
         });
}

}  // namespace consentry::reputation

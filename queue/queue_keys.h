// The keys of the queue's tables (queue_store.h). Private to the store.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "queue/queue_store.h"

namespace consentry::queue::keys {

inline std::string of(message_id id) {
  return byte_writer{}.be64(id.value).take();
}
inline std::string of(recipient_id id) {
  return byte_writer{}.be64(id.value).take();
}
inline std::string of_segment(std::uint32_t segment) {
  return byte_writer{}.be32(segment).take();
}

inline std::string of(const flow_id& f) {
  return byte_writer{}
      .be32(f.tenant.value)
      .u8(static_cast<std::uint8_t>(f.stream))
      .be32(f.campaign)
      .take();
}
inline constexpr std::size_t flow_bytes = 9;
inline flow_id read_flow(byte_reader& in) {
  flow_id f;
  f.tenant.value = in.be32();
  f.stream = static_cast<smtp::stream>(in.u8());
  f.campaign = in.be32();
  return f;
}

inline std::string due_flow(lane in, const flow_id& flow) {
  return byte_writer{}.u8(static_cast<std::uint8_t>(in)).raw(of(flow)).take();
}
inline std::string due(lane in, const flow_id& flow, instant at, recipient_id id) {
  return byte_writer{}
      .raw(due_flow(in, flow))
      .be64(static_cast<std::uint64_t>(to_ms(at)))
      .be64(id.value)
      .take();
}

// Group names hold no zero byte, so a group's rows lie together.
inline std::string group(lane in, std::string_view name) {
  return byte_writer{}.u8(static_cast<std::uint8_t>(in)).raw(name).u8(0).take();
}
inline std::string parked_flow(lane in, std::string_view name, const flow_id& flow) {
  return byte_writer{}.raw(group(in, name)).raw(of(flow)).take();
}
inline std::string parked(lane in, std::string_view name, const flow_id& flow, instant at,
                          recipient_id id) {
  return byte_writer{}
      .raw(parked_flow(in, name, flow))
      .be64(static_cast<std::uint64_t>(to_ms(at)))
      .be64(id.value)
      .take();
}

inline std::string open(const flow_id& flow, message_id id) {
  return byte_writer{}.raw(of(flow)).be64(id.value).take();
}
inline constexpr std::size_t open_bytes = flow_bytes + 8;
inline message_id message_of_open(std::string_view key) {
  byte_reader in{key};
  in.raw(flow_bytes);
  return message_id{in.be64()};
}

// The value of a row of due or parked.
inline std::string bound_for(std::string_view domain, std::string_view pool) {
  std::string out{domain};
  if (!pool.empty()) out.append(1, '\0').append(pool);
  return out;
}

// LMDB takes no empty key.
inline bool go_to(cursor& at, std::string_view key) {
  return key.empty() ? at.first() : at.seek(key);
}

}  // namespace consentry::queue::keys

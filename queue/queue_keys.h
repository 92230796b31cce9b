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

inline std::string due(lane in, instant at, recipient_id id) {
  return byte_writer{}
      .u8(static_cast<std::uint8_t>(in))
      .be64(static_cast<std::uint64_t>(to_ms(at)))
      .be64(id.value)
      .take();
}

// Group names hold no zero byte, so a group's rows lie together.
inline std::string group(lane in, std::string_view name) {
  return byte_writer{}.u8(static_cast<std::uint8_t>(in)).raw(name).u8(0).take();
}
inline std::string parked(lane in, std::string_view name, instant at, recipient_id id) {
  return byte_writer{}
      .raw(group(in, name))
      .be64(static_cast<std::uint64_t>(to_ms(at)))
      .be64(id.value)
      .take();
}

inline std::string tenant_stream(tenant_id tenant, smtp::stream s) {
  return byte_writer{}.be32(tenant.value).u8(static_cast<std::uint8_t>(s)).take();
}
inline std::string by_stream(tenant_id tenant, smtp::stream s, std::uint64_t id) {
  return byte_writer{}.raw(tenant_stream(tenant, s)).be64(id).take();
}

}  // namespace consentry::queue::keys

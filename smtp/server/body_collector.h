// Gathers one message body within its limits and knows why it cannot be taken.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "smtp/reply.h"
#include "smtp/server/memory_budget.h"
#include "smtp/server/session_settings.h"
#include "smtp/server/text_check.h"

namespace consentry::smtp::server {

class body_collector {
 public:
  // expected_bytes: as SIZE declared, 0 if unknown; a hint only.
  body_collector(const session_limits& limits, memory_budget& memory, std::uint64_t expected_bytes);

  // After a refusal the content is looked at, but no longer kept.
  void add(std::string_view content);
  void finish() { check_.finish(); }

  // Why not, the gravest reason first; nullopt: fine so far.
  std::optional<reply> refusal() const;

  std::uint64_t size() const noexcept { return size_; }
  std::string_view body() const noexcept { return body_; }
  std::string take_body() noexcept { return std::move(body_); }

 private:
  void drop_body();

  std::uint64_t bytes_max_;
  std::size_t line_bytes_max_;
  memory_share share_;
  text_check check_;
  std::string body_;
  std::uint64_t size_ = 0;
  bool no_memory_ = false;
};

}  // namespace consentry::smtp::server

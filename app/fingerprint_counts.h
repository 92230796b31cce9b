// How many people one content of a tenant's reached lately, outside the bulk stream (RULES A1.1);
// and the templates that a person of the operator has approved to reach more.
//
//   table fingerprints         be32 tenant, digest(16) -> version, (u8[8] person, be64 time)*
//   table template_approvals   be32 tenant, digest(16) -> template_approval
//
// A row holds at most limit + 1 people, the latest: enough to know whether there are more than
// `limit` of them. So it is bounded, and exact.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/lmdb_env.h"

namespace consentry::app {

inline constexpr std::chrono::hours fingerprint_window_length{24};

// The people of one content within the last 24 hours; a value. A default one never turns.
class content_window {
 public:
  content_window() = default;
  content_window(std::string_view stored, instant now, std::size_t limit);

  // Whether mail to this person is bulk: with it, more than `limit` people get this content.
  // person: 16 bytes.
  bool turns_bulk(std::string_view person) const;
  void add(std::string_view person);
  bool is_counting() const noexcept { return limit_ != 0; }
  std::string encode() const;

 private:
  struct reader {
    std::string person;  // 8 bytes
    instant at{};
  };
  std::size_t limit_ = 0;
  instant now_{};
  std::vector<reader> readers_;  // oldest first, each person once
};

struct template_approval {
  std::string digest;  // 16 bytes
  std::string approver;
  std::string reason;
  instant approved_at{};
  instant expires_at{};
};

// Table handles only. Any thread may read, the writer's may change.
class fingerprint_counts {
 public:
  explicit fingerprint_counts(store_env& env);  // at start

  // Approved content is not counted: its window never turns.
  content_window window(const read_txn& txn, tenant_id tenant, std::string_view digest, instant now,
                        std::size_t limit) const;
  void put(write_txn& txn, tenant_id tenant, std::string_view digest,
           const content_window& w) const;
  // Removes what is older than the window, at most `rows` rows looked at; where to go on, empty at
  // the end.
  std::string trim(write_txn& txn, instant now, const std::string& resume, std::size_t rows) const;

  void approve(write_txn& txn, tenant_id tenant, const template_approval& a) const;
  bool revoke(write_txn& txn, tenant_id tenant, std::string_view digest) const;
  std::vector<template_approval> approvals(const read_txn& txn, tenant_id tenant,
                                           std::size_t limit) const;

 private:
  table counts_;
  table approvals_;
};

}  // namespace consentry::app

// Every policy that was ever activated, whole, and the history of activations (RULES E10).
//
//   table policy_files      SHA-256 of a text -> the text; files that did not change are kept once
//   table policy_versions   "p0123456789ab" -> policy_version
//   table policy_history    be64 number -> policy_activation; the last one is in force
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "app/policy_bundle.h"
#include "base/clock.h"
#include "base/lmdb_env.h"

namespace consentry::app {

// Never changed once it is stored.
struct policy_version {
  std::string version;
  instant at{};
  std::string author;    // "desk:<login>"; "gateway" for files that it read itself
  std::string reason;    // why it was made
  std::string previous;  // in force at that time; empty: the first
  std::map<std::string, std::string> files;  // by name: SHA-256, 32 bytes
};

// Numbers are stored.
enum class activation_kind : std::uint8_t {
  activated = 1,    // by a person
  rolled_back = 2,  // by a person, to an older one
  files_read = 3,   // found changed at a start or reload
};
std::string_view name_of(activation_kind k) noexcept;

struct policy_activation {
  std::uint64_t number = 0;  // 1, 2, ..
  instant at{};
  std::string version;
  std::string previous;  // empty: the first
  std::string actor;
  std::string reason;
  activation_kind kind = activation_kind::activated;
};

// Table handles only. Any thread may read, the writer's may change. All throw decode_error for
// rows that do not decode.
class policy_store {
 public:
  explicit policy_store(store_env& env);  // at start

  // False: a version of that name is there already, and stays as it is.
  bool add(write_txn& txn, const policy_version& v, const policy_bundle& files) const;
  std::optional<policy_version> find(const read_txn& txn, std::string_view version) const;
  std::vector<policy_version> versions(const read_txn& txn) const;  // the newest first
  // Its files, shown as "p0123456789ab/policy/default.toml". Throws decode_error: one is missing.
  policy_bundle files_of(const read_txn& txn, const policy_version& v) const;

  // Gives the next number.
  std::uint64_t note(write_txn& txn, policy_activation a) const;
  std::optional<policy_activation> in_force(const read_txn& txn) const;
  // The newest first; `before` 0: from the newest on.
  std::vector<policy_activation> history(const read_txn& txn, std::uint64_t before,
                                         std::size_t limit) const;

  // The version of the files on disk when somebody last decided: only what differs from it is news.
  std::string seen(const read_txn& txn) const;
  void set_seen(write_txn& txn, std::string_view version) const;

 private:
  table files_;
  table versions_;
  table history_;
  table meta_;
};

}  // namespace consentry::app

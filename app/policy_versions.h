// Which policy is in force, and how that changes (RULES E7, E10). One at a time; all calls wait for
// compiling and for the disk: never on an I/O thread.
//
// The files of the settings are what admins work on. What a person activates or rolls back to
// stands over restarts and reloads until those files change: then a start or reload takes them in,
// as a version of their own.
#pragma once

#include <boost/json/fwd.hpp>
#include <filesystem>
#include <mutex>
#include <variant>

#include "app/live_settings.h"
#include "app/policy_lint.h"
#include "app/policy_store.h"
#include "app/store_rooms.h"

namespace consentry::app {

// Who wants it, and why: both stand in the history and in the journal.
struct policy_act {
  std::string actor;
  std::string reason;
};

class policy_versions {
 public:
  // compiled: folder of the cache; empty: there is none.
  policy_versions(store_rooms& rooms, live_settings& live, const wall_clock& clock,
                  std::filesystem::path compiled = {})
      : rooms_{rooms}, live_{live}, clock_{clock}, cache_{std::move(compiled)} {}

  // At a start and at a reload: finds out what should be in force and compiles it. Throws
  // configuration_error: the files are new and have an error, and nothing older can stand in for
  // them; or the store does not read or write. At a reload whatever is in force stays.
  //
  // At a start (nothing is in force yet) with bad files the version last in force is taken, and the
  // error logged: a gateway that sends under yesterday's policy is better than none.
  std::shared_ptr<const active_policy> follow_files(const std::filesystem::path& policy_file,
                                                    const std::filesystem::path& patterns_folder);

  // Lints, compiles, stores, then swaps. Problems: nothing has changed. conflict: it is in force
  // already.
  using outcome = std::variant<policy_activation, std::vector<toml_problem>, failure>;
  outcome activate(const policy_bundle& files, const policy_act& by);
  // A version of the store; empty: the one before that in force. not_found. kind rolled_back,
  // unless it is newer than that in force.
  outcome return_to(const std::string& version, const policy_act& by);

 private:
  struct change;
  outcome put_in_force(change c);
  std::optional<std::string> version_on_disk() const;

  store_rooms& rooms_;
  live_settings& live_;
  const wall_clock& clock_;
  filters::database_cache cache_;
  std::mutex one_at_a_time_;
  std::filesystem::path policy_file_;  // of the last follow_files
  std::filesystem::path patterns_folder_;
};

boost::json::object to_json(const policy_version& v);
boost::json::object to_json(const policy_activation& a);

}  // namespace consentry::app

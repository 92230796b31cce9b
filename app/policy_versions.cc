#include "app/policy_versions.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "base/civil_date.h"
#include "base/log.h"
#include "base/text.h"

namespace consentry::app {

struct policy_versions::change {
  std::shared_ptr<const active_policy> policy;
  policy_bundle files;
  policy_act by;
  activation_kind kind = activation_kind::activated;
  std::string seen;  // version of the files on disk; empty: not known
};

namespace {

journal::event event_of(const policy_activation& a, std::size_t files, std::size_t patterns) {
  journal::event e{.kind = journal::event_kind::policy_activated, .at = a.at};
  e.policy_version = a.version;
  e.actor = a.actor;
  e.reason = a.reason;
  e.facts = {{"how", std::string{name_of(a.kind)}},
             {"files", std::to_string(files)},
             {"patterns", std::to_string(patterns)}};
  if (!a.previous.empty()) e.facts["previous"] = a.previous;
  return e;
}

[[noreturn]] void give_up(const failure& f) {
  throw configuration_error("policy store: " + describe(f));
}

}  // namespace

policy_versions::outcome policy_versions::put_in_force(change c) {
  auto done = std::make_shared<policy_activation>();
  const auto& version = c.policy->set->version;
  commit_loop::operation op = [&, done](write_txn& txn) {
    const auto& store = rooms_.policies;
    const auto last = store.in_force(txn);
    *done = {.number = 0,
             .at = clock_.now(),
             .version = version,
             .previous = last ? last->version : std::string{},
             .actor = c.by.actor,
             .reason = c.by.reason,
             .kind = c.kind};
    store.add(txn,
              {.version = version,
               .at = done->at,
               .author = c.by.actor,
               .reason = c.by.reason,
               .previous = done->previous,
               .files = {}},
              c.files);
    done->number = store.note(txn, *done);
    if (!c.seen.empty()) store.set_seen(txn, c.seen);
    rooms_.journal.append(
        txn, event_of(*done, c.files.files.size(), c.policy->patterns->patterns().size()));
  };
  if (const auto committed = rooms_.commits.run(op); !committed) return committed.error();
  // It is on disk: from here on a restart would find it in force, so it is.
  live_.policy.set(c.policy);
  log::info("app/policy", "activated",
            {{"policy", version},
             {"previous", done->previous},
             {"how", name_of(c.kind)},
             {"by", c.by.actor}});
  return *done;
}

std::optional<std::string> policy_versions::version_on_disk() const {
  try {
    return version_of(read_bundle(policy_file_, patterns_folder_));
  } catch (const configuration_error&) {
    return std::nullopt;  // being edited: whatever becomes of them is news
  }
}

std::shared_ptr<const active_policy> policy_versions::follow_files(
    const std::filesystem::path& policy_file, const std::filesystem::path& patterns_folder) {
  const std::lock_guard lock{one_at_a_time_};
  policy_file_ = policy_file;
  patterns_folder_ = patterns_folder;
  struct known {
    std::string seen;
    std::optional<policy_version> in_force;
    policy_bundle files;
  };
  auto read = rooms_.env.read([&](read_txn& txn) {
    known k{.seen = rooms_.policies.seen(txn), .in_force = {}, .files = {}};
    if (const auto last = rooms_.policies.in_force(txn))
      k.in_force = rooms_.policies.find(txn, last->version);
    if (k.in_force) k.files = rooms_.policies.files_of(txn, *k.in_force);
    return k;
  });
  if (!read) give_up(read.error());
  const auto live = live_.policy.get();
  const auto stored = [&]() -> std::shared_ptr<const active_policy> {
    if (live != nullptr && live->set->version == read->in_force->version) return live;
    auto policy = load_policy(read->files, cache_);
    live_.policy.set(policy);
    return policy;
  };
  try {
    auto files = read_bundle(policy_file, patterns_folder);
    const auto version = version_of(files);
    if (read->in_force && (read->seen == version || read->in_force->version == version)) {
      if (read->seen != version)
        if (const auto done =
                rooms_.commits.run([&](write_txn& txn) { rooms_.policies.set_seen(txn, version); });
            !done)
          give_up(done.error());
      try {
        return stored();
      } catch (const configuration_error& e) {
        // Written for an older program. What lies on disk may have been brought up to date.
        log::error("app/policy", "version_refused",
                   {{"policy", read->in_force->version}, {"why", e.what()}});
      }
    }
    auto checked = check_policy(files, cache_);
    if (!checked.problems.empty()) throw configuration_error(to_line(checked.problems.front()));
    const auto done = put_in_force({.policy = checked.policy,
                                    .files = std::move(files),
                                    .by = {"gateway", "the files were found changed"},
                                    .kind = activation_kind::files_read,
                                    .seen = version});
    if (const auto* f = std::get_if<failure>(&done)) give_up(*f);
    return checked.policy;
  } catch (const configuration_error& e) {
    if (live != nullptr || !read->in_force) throw;
    log::error("app/policy", "files_refused",
               {{"why", e.what()}, {"in_force", read->in_force->version}});
    return stored();
  }
}

policy_versions::outcome policy_versions::activate(const policy_bundle& files,
                                                   const policy_act& by) {
  const std::lock_guard lock{one_at_a_time_};
  auto checked = check_policy(files, cache_);
  if (!checked.problems.empty()) return std::move(checked.problems);
  if (const auto live = live_.policy.get();
      live != nullptr && live->set->version == checked.policy->set->version)
    return failure{.kind = failure_kind::conflict,
                   .permanent = true,
                   .public_text = "policy " + live->set->version + " is in force already"};
  return put_in_force({.policy = checked.policy,
                       .files = files,
                       .by = by,
                       .kind = activation_kind::activated,
                       .seen = version_on_disk().value_or("")});
}

policy_versions::outcome policy_versions::return_to(const std::string& asked,
                                                    const policy_act& by) {
  const std::lock_guard lock{one_at_a_time_};
  struct known {
    std::optional<policy_activation> now;
    std::optional<policy_version> present, wanted;
    policy_bundle files;
  };
  auto read = rooms_.env.read([&](read_txn& txn) {
    const auto& store = rooms_.policies;
    known k{.now = store.in_force(txn), .present = {}, .wanted = {}, .files = {}};
    if (k.now) k.present = store.find(txn, k.now->version);
    const auto version = !asked.empty() ? asked : k.now ? k.now->previous : std::string{};
    k.wanted = store.find(txn, version);
    if (k.wanted) k.files = store.files_of(txn, *k.wanted);
    return k;
  });
  if (!read) return read.error();
  if (!read->wanted)
    return failure{.kind = failure_kind::not_found,
                   .permanent = true,
                   .public_text = asked.empty() ? "there is no earlier policy"
                                                : "there is no policy " + printable(asked, 40)};
  if (read->now->version == read->wanted->version)
    return failure{.kind = failure_kind::conflict,
                   .permanent = true,
                   .public_text = "policy " + read->wanted->version + " is in force already"};
  auto checked = check_policy(read->files, cache_);
  if (!checked.problems.empty()) return std::move(checked.problems);
  const bool is_newer = read->present && read->wanted->at > read->present->at;
  return put_in_force({.policy = checked.policy,
                       .files = std::move(read->files),
                       .by = by,
                       .kind = is_newer ? activation_kind::activated : activation_kind::rolled_back,
                       .seen = version_on_disk().value_or("")});
}

boost::json::object to_json(const policy_version& v) {
  boost::json::array names;
  for (const auto& [name, digest] : v.files) names.push_back(boost::json::value(name));
  boost::json::object o{{"version", v.version},
                        {"at", to_string_utc(v.at)},
                        {"author", v.author},
                        {"reason", v.reason}};
  if (!v.previous.empty()) o["previous"] = v.previous;
  o["files"] = std::move(names);
  return o;
}

boost::json::object to_json(const policy_activation& a) {
  boost::json::object o{{"number", a.number},   {"at", to_string_utc(a.at)},
                        {"version", a.version}, {"actor", a.actor},
                        {"reason", a.reason},   {"how", name_of(a.kind)}};
  if (!a.previous.empty()) o["previous"] = a.previous;
  return o;
}

}  // namespace consentry::app

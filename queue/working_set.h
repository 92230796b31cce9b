// The recipients in memory: waiting by path, or in flight. Decides who is next and from which
// source, by the pacing rules; knows no store and no clock but what it is told. Bounded by its
// limits, whatever the queue holds. Not thread-safe: the scheduler's executor only.
#pragma once

#include <array>
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "queue/fair_lines.h"
#include "queue/flow_pace.h"
#include "queue/pacing_rules.h"
#include "queue/path_pace.h"
#include "queue/queue_store.h"

namespace consentry::queue {

struct working_set_limits {
  std::array<std::size_t, 2> in_memory_max{2000, 8000};  // by lane
  std::size_t share_max = 1000;                          // of a lane, for one path or one flow
  std::size_t in_flight_max = 400;
  down_settings down;
};

// Where those go that are not sent any more: the attempt sees that they have expired. No site is
// named so; it has no pace.
inline constexpr std::string_view nowhere = "(expired)";

// One site from one source. Neither name holds a tab.
std::string path_name(std::string_view site, std::string_view source);
std::string_view site_of_path(std::string_view path) noexcept;
std::string_view source_of_path(std::string_view path) noexcept;

class working_set {
 public:
  using limits = working_set_limits;
  working_set(limits l, std::shared_ptr<const pacing_rules> rules);

  // --- the rules ---
  // Looked up anew for all that is here.
  void set_rules(std::shared_ptr<const pacing_rules> rules);
  // What a flow is called, which its rules are found by. Before its first row is added.
  void introduce(const flow_id& flow, std::string tenant, std::string campaign);
  bool knows(const flow_id& flow) const;
  // Asked for paths and flows that somebody has stopped by hand; empty: none are.
  struct stops {
    std::function<bool(std::string_view site, std::string_view source)> path;
    std::function<bool(const flow_id&)> flow;
  };
  void set_stops(stops s) { stops_ = std::move(s); }

  // --- rows in ---
  enum class added : std::uint8_t {
    yes,
    known,     // already here
    no_share,  // the path has its share: path says which
    no_room,   // the lane is full
    closed,    // all paths of its pool are: path says which opens first, `until` when
  };
  struct placed {
    added what = added::yes;
    std::string path;
    instant until{};
  };
  // The share shrinks as the lane fills (half of what is free, as in shared packet buffers), so
  // that a few slow paths cannot take all of it.
  placed add(const due_row& row, const std::string& site, instant now);
  // Takes that path, if the row's pool still has its source.
  placed add_to(const due_row& row, const std::string& path, instant now);
  // Its site is being looked up; it has its place until then.
  added add_unplaced(const due_row& row);
  std::vector<due_row> take_unplaced(const std::string& domain);
  bool contains(recipient_id id) const { return ids_.contains(id); }

  // --- rows out ---
  struct picked {
    due_row row;
    std::string path;
    instant at{};
    unsigned messages_per_connection_max = 100;
  };
  // The next to attempt: prompt lane first, paths in turn. It is in flight then, until done().
  std::optional<picked> take(instant now);
  // When something that waits may start, and could not before for its pace alone.
  std::optional<instant> next_start() const;

  using contact = path_pace::contact;
  struct ended {
    contact reached = contact::none;
    bool delivered = false;
    reply_advice advice;
  };
  // What waits for the path is given back if this closed it.
  std::vector<due_row> done(const picked& p, const ended& how, instant now);
  // Rows that wait are no longer in memory; they stay in the store.
  std::size_t forget(lane in, const flow_id& flow);

  // --- what is known ---
  std::optional<instant> closed_until(const std::string& path, instant now) const;
  instant flow_opens(const flow_id& flow, instant now);
  std::size_t loaded(lane in) const noexcept { return loaded_[index(in)]; }
  std::size_t loaded(lane in, const std::string& path) const;
  std::size_t share_left(lane in, const std::string& path) const;
  std::size_t flow_room(lane in, const flow_id& flow) const;
  // Paths that have become (nearly) empty since it was last asked: what is parked may come back.
  std::set<std::string> take_drained(lane in) { return std::exchange(drained_[index(in)], {}); }
  std::size_t size() const noexcept { return ids_.size(); }
  std::size_t in_flight() const noexcept { return in_flight_; }
  std::size_t paths() const noexcept { return paths_.size(); }
  // Forgets paths and flows without mail that are well; for housekeeping.
  void forget_idle(instant now);

  // Counts that quotas and warm-ups need over a restart: by "tenant/stream" and by path.
  struct kept_count {
    std::string name;
    std::uint64_t in_hour = 0;
    std::uint64_t in_day = 0;
    friend bool operator==(const kept_count&, const kept_count&) = default;
  };
  std::vector<kept_count> counts(instant now) const;
  void restore(const std::vector<kept_count>& counts, instant now);

  struct path_state {
    std::string path;
    std::string rule;
    std::size_t waiting = 0;
    std::size_t in_flight = 0;
    unsigned connections_max = 0;
    instant opens{};
    bool is_down = false;
  };
  std::vector<path_state> states(instant now) const;

 private:
  struct path {
    std::string name;
    bool is_nowhere = false;
    const path_limits* limits = nullptr;  // of rules_
    const source* from = nullptr;         // of rules_; null: a source that is gone
    path_pace pace;
    sent_counts sent;
    std::array<fair_lines, 2> waiting;
    std::array<std::size_t, 2> loaded{};  // waiting and in flight
    std::array<bool, 2> in_turn{};
    std::size_t in_flight = 0;
    std::map<tenant_id, unsigned> of_tenant;  // in flight
    std::array<std::optional<instant>, 2> sleeps_until;
  };
  struct flow {
    std::string tenant, campaign;
    flow_limits limits;
    flow_pace pace;
    std::array<std::size_t, 2> loaded{};   // waiting, in flight, unplaced
    std::array<std::size_t, 2> waiting{};  // for a path
  };
  using tenant_stream = std::pair<tenant_id, smtp::stream>;

  static std::size_t index(lane in) noexcept { return static_cast<std::size_t>(in); }
  path& path_called(const std::string& name);
  path* find(const std::string& name);
  const path* find(const std::string& name) const;
  std::size_t least_share() const noexcept;
  bool is_small(lane in, const flow_id& flow) const;
  std::size_t free_places(lane in, bool for_small) const noexcept;
  std::size_t fair_share(lane in, std::size_t has, bool for_small) const noexcept;
  placed put(const due_row& row, path& p, instant now);
  void count_in(const due_row& row);
  void count_out(const due_row& row);
  bool is_worn(const path& p, std::size_t more, instant now) const;
  bool is_stopped(const path& p) const;
  bool may_start(const path& p, lane in, instant now) const;
  void queue_up(path& p, instant now);
  void sleep(path& p, lane in, instant until);
  void rouse(path& p, lane in, instant now);
  void wake(instant now);
  std::optional<picked> take_from(lane in, instant now);
  std::optional<due_row> pop(path& p, lane in, instant now, std::optional<instant>& again);
  picked start(path& p, due_row row, instant now);
  void note_drained(const path& p, lane in);
  std::vector<due_row> empty_out(path& p);

  limits limits_;
  std::shared_ptr<const pacing_rules> rules_;
  stops stops_;
  std::unordered_map<std::string, path> paths_;
  std::map<flow_id, flow> flows_;
  std::map<tenant_stream, sent_counts> sent_;
  std::unordered_map<std::string, std::vector<due_row>> unplaced_;  // by domain
  std::unordered_set<recipient_id> ids_;
  std::array<std::deque<std::string>, 2> turns_;  // paths that may have something to start
  struct sleeper {
    instant until;
    lane in;
    std::string path;
    friend auto operator<=>(const sleeper&, const sleeper&) = default;
  };
  std::set<sleeper> sleeping_;
  std::array<std::set<std::string>, 2> drained_;
  std::array<std::size_t, 2> loaded_{};
  std::size_t in_flight_ = 0;
};

}  // namespace consentry::queue

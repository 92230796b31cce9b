// From the due index to the working set, a bounded number of rows at a time, flows in turn, so that
// a million rows of one campaign do not stand before ten of another tenant. Knows the store only
// as a due_index, so that a simulation can stand in for it. Not thread-safe: the scheduler's
// executor only.
//
//   due      --place--> working set
//            --no share, or the path is closed--> parked under its name, and back as it drains or
//              opens; what expires meanwhile goes to nowhere, where it is told of
//            --site unknown--> the working set keeps the place while the site is looked up
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "queue/queue_store.h"
#include "queue/working_set.h"

namespace consentry::queue {

// What the loader reads: the store at one moment.
class due_index {
 public:
  virtual ~due_index() = default;
  virtual std::vector<flow_id> flows(lane in, std::optional<flow_id> after,
                                     std::size_t limit) const = 0;
  virtual std::vector<due_row> due(lane in, const flow_id& flow, due_position from, instant until,
                                   std::size_t limit) const = 0;
  virtual std::optional<instant> next_due(lane in, const flow_id& flow,
                                          due_position from) const = 0;
  virtual std::vector<std::string> parked_groups(lane in, std::size_t limit) const = 0;
  virtual std::vector<flow_id> parked_flows(lane in, const std::string& group,
                                            std::optional<flow_id> after,
                                            std::size_t limit) const = 0;
  virtual std::vector<due_row> parked(lane in, const std::string& group, const flow_id& flow,
                                      due_position from, std::size_t limit) const = 0;
  // The time for its delivery is over.
  virtual bool has_expired(const due_row& row, instant now) const = 0;
  // What the row's flow is called; nullopt: the row is stale.
  struct flow_names {
    std::string tenant, campaign;
  };
  virtual std::optional<flow_names> names(const due_row& row) const = 0;
};

struct loader_settings {
  std::size_t rows_per_pass = 1000;  // that one look at the store reads
  std::array<std::size_t, 2> in_memory_max{2000, 8000};
  std::size_t share_max = 1000;
};

class loader {
 public:
  // nullopt: not known yet; it is among `unknown` then, and site_known() is to follow.
  using site_source = std::function<std::optional<std::string>(const std::string& domain)>;
  loader(working_set& memory, site_source site_of, loader_settings s);

  // What is to be done in the store.
  struct found {
    bool more = false;                                                // there is more to do at once
    std::array<std::map<std::string, std::vector<due_row>>, 2> park;  // by group
    std::vector<std::string> unknown;  // domains whose sites are to be looked up
    bool moves(lane in) const { return !park[static_cast<std::size_t>(in)].empty(); }
  };
  // At the start: the groups that were parked.
  void begin(const due_index& index);
  found load(const due_index& index, instant now);

  // Something was committed that is due then: of that flow, or of one that is not told. The latter
  // costs a look at all flows.
  void seen(const flow_id& flow, lane in, instant due);
  void seen(instant due);
  // The rows of found::park are in their groups now, or (false) where they were.
  void parked(lane in, const std::map<std::string, std::vector<due_row>>& rows, bool done);
  // They were in memory and are not any more: to be read again.
  void put_back(const std::vector<due_row>& rows);
  // The rows that waited for it are placed by the next load().
  void site_known(std::string domain);
  // When something is due next, as far as it was looked at; nullopt: nothing.
  std::optional<instant> next_due() const;

 private:
  struct cursor {
    due_position next;
    std::optional<instant> waits_until{};  // nothing of it is due before, or it may not send
    instant swept_at{};                    // for what expires meanwhile
  };
  struct group {
    std::map<flow_id, due_position> flows;
    std::optional<flow_id> last;
    bool exhausted = false;  // all its rows are in memory, or were when last looked at
    instant swept_at{};      // for what expires while the path is closed
  };
  struct lane_state {
    std::map<flow_id, cursor> flows;
    std::set<flow_id> ready;                        // those of flows that do not wait
    std::set<std::pair<instant, flow_id>> waiting;  // the others
    std::optional<flow_id> last;                    // whose turn was the last
    std::map<std::string, group> groups;
    std::set<std::string> fresh;                       // groups that something was parked in
    std::set<std::pair<instant, std::string>> closed;  // others, until their paths open
    instant swept_at{};                                // all groups
    bool moving = false;                               // rows are being parked
  };

  lane_state& of(lane in) { return lanes_[static_cast<std::size_t>(in)]; }
  void look_for_flows(const due_index& index, instant now);
  bool is_closed(const due_index& index, lane in, const flow_id& flow, cursor& at, instant now,
                 found& out);
  void put_back(const due_row& row);
  static void make_ready(lane_state& l, const flow_id& flow, due_position from);
  static void make_wait(lane_state& l, const flow_id& flow, cursor& at, instant until);
  static void drop(lane_state& l, const flow_id& flow);
  bool introduce(const due_index& index, const due_row& row);
  bool load_flows(const due_index& index, lane in, instant now, found& out);
  std::size_t load_flow(const due_index& index, lane in, const flow_id& flow, cursor& at,
                        std::size_t limit, instant now, found& out);
  bool load_groups(const due_index& index, lane in, instant now, found& out);
  void sweep(const due_index& index, lane in, const std::string& name, group& g, instant now,
             found& out);
  bool may_load(lane in, const std::string& name, const group& g) const;
  std::set<std::string> groups_to_load(const due_index& index, lane in, instant now, found& out);
  std::size_t load_group(const due_index& index, lane in, const std::string& name, group& g,
                         std::size_t room, instant now, found& out);
  // False: there is no room in memory; the row is to be looked at again.
  bool place(const due_index& index, const due_row& row, instant now, found& out);
  bool place_at(const due_index& index, const due_row& row, const working_set::placed& where,
                instant now, found& out);

  working_set& memory_;
  site_source site_of_;
  loader_settings settings_;
  std::array<lane_state, 2> lanes_;
  bool has_news_ = true;  // since looked_at_: there may be flows that are not known
  instant earliest_news_{};
  instant looked_at_{};
  instant look_again_{};
  std::vector<std::string> known_;  // domains whose sites became known
};

}  // namespace consentry::queue

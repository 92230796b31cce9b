#include "queue/spool_rewrite.h"

#include <algorithm>
#include <map>
#include <set>
#include <thread>

#include "base/log.h"

namespace consentry::queue {
namespace {

constexpr std::size_t messages_per_read = 2000;
constexpr int passes_max = 5;
constexpr std::chrono::milliseconds between_looks{20};
constexpr int looks_max = 500;

struct planned_move {
  message_id message;
  spool_location from;
  spooled_body to;
  bool is_done = false;
};

class rewrite {
 public:
  rewrite(store_env& env, commit_loop& commits, queue_store& store, spool& bodies,
          const spool_rewrite_options& o)
      : env_{env}, commits_{commits}, store_{store}, bodies_{bodies}, o_{o} {}
  result<void> run();
  spool_rewrite_report report;

 private:
  template <class F>
  result<void> each_open(F f);
  result<void> find_segments(std::uint32_t through);
  result<bool> move_all();
  result<void> move(std::vector<queued_message>& batch);
  result<void> remove_emptied();
  result<void> blank_around_damaged(const std::set<std::uint32_t>& free);
  bool is_cancelled() const { return o_.is_cancelled && o_.is_cancelled(); }

  store_env& env_;
  commit_loop& commits_;
  queue_store& store_;
  spool& bodies_;
  const spool_rewrite_options& o_;
  std::set<std::uint32_t> segments_;  // to be emptied
  // By segment: bodies that cannot be read.
  std::map<std::uint32_t, std::vector<spool_location>> damaged_;
};

const failure stopped{.kind = failure_kind::cancelled, .public_text = "the rewrite was stopped"};

// Slices of one read transaction each; f takes a slice and may fail.
template <class F>
result<void> rewrite::each_open(F f) {
  std::string resume;
  do {
    if (is_cancelled()) return stopped;
    auto slice = env_.read(
        [&](const read_txn& txn) { return store_.open_messages(txn, resume, messages_per_read); });
    if (!slice) return slice.error();
    if (auto r = f(*slice); !r) return r;
  } while (!resume.empty());
  return {};
}

result<void> rewrite::find_segments(std::uint32_t through) {
  const auto sizes = bodies_.sizes();
  std::map<std::uint32_t, std::uint64_t> live;
  auto counted = each_open([&](const std::vector<queued_message>& slice) -> result<void> {
    for (const auto& m : slice) live[m.body_at.segment] += spool::record_bytes(m.body_at.length);
    return {};
  });
  if (!counted) return counted;
  for (const auto& s : sizes)
    if (s.segment <= through && s.bytes != live[s.segment] + spool::empty_segment_bytes())
      segments_.insert(s.segment);
  return {};
}

result<void> rewrite::move(std::vector<queued_message>& batch) {
  const auto begun = std::chrono::steady_clock::now();
  std::vector<planned_move> moves;
  for (const auto& m : batch) {
    const auto body = bodies_.read(m.body_at);
    if (!body) {
      // It has ended meanwhile and its segment went; or it is damaged, and stays where it is: a
      // person may bring it back from a copy of the disk.
      log::warn("queue/spool_rewrite", "body_unreadable",
                {{"message", to_string(m.id)}, {"cause", body.error().private_cause}});
      auto& there = damaged_[m.body_at.segment];
      if (std::find(there.begin(), there.end(), m.body_at) == there.end())
        there.push_back(m.body_at);
      continue;
    }
    auto copied = bodies_.append(*body);
    if (!copied) return copied.error();
    moves.push_back({.message = m.id, .from = m.body_at, .to = std::move(*copied)});
  }
  batch.clear();
  auto done = commits_.run([&](write_txn& txn) {
    for (auto& move : moves)
      move.is_done = store_.move_body(txn, move.message, move.from, move.to.location);
  });
  if (!done) return done;
  for (const auto& move : moves) {
    if (!move.is_done) continue;
    bodies_.moved(move.from, move.to.location);
    ++report.bodies;
    report.bytes += move.from.length;
  }
  const auto worked = std::chrono::steady_clock::now() - begun;
  if (o_.share < 1) std::this_thread::sleep_for(worked * (1 / std::max(o_.share, 0.01) - 1));
  return {};
}

// True: something was there to be moved.
result<bool> rewrite::move_all() {
  bool any = false;
  std::vector<queued_message> batch;
  std::uint64_t bytes = 0;
  auto walked = each_open([&](std::vector<queued_message>& slice) -> result<void> {
    for (auto& m : slice) {
      if (!segments_.contains(m.body_at.segment)) continue;
      any = true;
      bytes += m.body_at.length;
      batch.push_back(std::move(m));
      if (bytes < o_.batch_bytes_max && batch.size() < o_.batch_messages_max) continue;
      bytes = 0;
      if (is_cancelled()) return stopped;
      if (auto r = move(batch); !r) return r;
    }
    return {};
  });
  if (!walked) return walked.error();
  if (auto r = move(batch); !r) return r.error();
  return any;
}

// A segment that only damaged bodies keep: nothing else that was in it stays on the disk.
result<void> rewrite::blank_around_damaged(const std::set<std::uint32_t>& free) {
  for (const auto& [number, kept] : damaged_) {
    if (!segments_.contains(number) || !free.contains(number)) continue;
    const auto open =
        env_.read([&](const read_txn& txn) { return store_.open_messages_in(txn, number); });
    if (!open) return open.error();
    if (*open != kept.size()) continue;  // one more is to be moved, or one has ended
    if (auto done = bodies_.keep_only(number, kept); !done) return done;
    report.damaged += kept.size();
    segments_.erase(number);
  }
  return {};
}

// The scheduler's housekeeping may have been quicker. A lease says that somebody is between append
// and commit there, or takes a snapshot: soon over.
result<void> rewrite::remove_emptied() {
  for (int look = 0; look < looks_max && !segments_.empty(); ++look) {
    if (is_cancelled()) return stopped;
    if (look > 0) std::this_thread::sleep_for(between_looks);
    std::set<std::uint32_t> there, free;
    for (const auto& s : bodies_.sizes()) there.insert(s.segment);
    for (const auto number : bodies_.removable()) free.insert(number);
    std::set<std::uint32_t> left;
    const auto looked = env_.read([&](const read_txn& txn) {
      for (const auto number : segments_) {
        if (!there.contains(number)) {
          ++report.segments;
        } else if (free.contains(number) && store_.open_messages_in(txn, number) == 0) {
          bodies_.remove(number);
          ++report.segments;
        } else {
          left.insert(number);
        }
      }
    });
    if (!looked) return looked.error();
    segments_ = std::move(left);
    if (auto done = blank_around_damaged(free); !done) return done;
    // A message that was accepted late, with a body from before the rotation.
    constexpr int looks_per_pass = 50;
    if (!segments_.empty() && look % looks_per_pass == 0)
      if (auto again = move_all(); !again) return again.error();
  }
  report.left_over = segments_.size();
  return {};
}

result<void> rewrite::run() {
  bodies_.forget_moves();
  if (auto r = find_segments(bodies_.rotate()); !r) return r;
  for (int pass = 0; pass < passes_max; ++pass) {
    const auto any = move_all();
    if (!any) return any.error();
    if (!*any) break;
  }
  return remove_emptied();
}

}  // namespace

result<spool_rewrite_report> rewrite_spool(store_env& env, commit_loop& commits, queue_store& store,
                                           spool& bodies, const spool_rewrite_options& o) {
  rewrite r{env, commits, store, bodies, o};
  if (auto done = r.run(); !done) return done.error();
  return r.report;
}

}  // namespace consentry::queue

// Acts on the queue that somebody waits for or comes back to: each runs to its end on its own, and
// tells how far it is. In memory: a restart ends them where they are, the slices done stay.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <optional>

#include "app/queue_control.h"
#include "base/task_scope.h"
#include "base/worker_pool.h"

namespace consentry::app {

struct queue_order_state {
  std::uint64_t number = 0;
  queue_order order;
  instant begun{};
  instant ended{};                // 0: goes on
  std::uint64_t changed = 0;      // recipients
  std::uint64_t expected = 0;     // at most so many, by the counts at the beginning
  std::optional<failure> failed;  // ended early
};

struct queue_order_parts {  // all outlive the order
  store_rooms& rooms;
  worker_pool& workers;  // samples of released and purged mail are taken there
  const wall_clock& clock;
  std::function<void(instant due)> notify_queue;
};

// carry_out() and what belongs to it: samples for the policy (desk_samples.h), word to the
// scheduler.
boost::asio::awaitable<result<std::uint64_t>> carry_out_whole(const queue_order_parts& p,
                                                              queue_order order,
                                                              changed_so_far so_far = {});

// The executor of the tasks only.
class queue_orders {
 public:
  static constexpr std::size_t running_max = 4;
  static constexpr std::size_t kept_max = 100;  // of those that have ended

  // The scope outlives it.
  queue_orders(queue_order_parts p, task_scope& tasks) : p_{std::move(p)}, tasks_{tasks} {}

  // Its number; limit: so many run already.
  result<std::uint64_t> start(queue_order order);
  // Returns when it has ended, or after so long.
  boost::asio::awaitable<std::optional<queue_order_state>> wait(std::uint64_t number,
                                                                std::chrono::milliseconds most);
  std::optional<queue_order_state> find(std::uint64_t number) const;
  std::vector<queue_order_state> list() const;  // the newest first

 private:
  struct running;
  boost::asio::awaitable<void> run(std::shared_ptr<running> r);
  static queue_order_state state_of(const running& r);
  std::uint64_t expected_of(const queue_order& order) const;

  queue_order_parts p_;
  task_scope& tasks_;
  std::uint64_t last_ = 0;
  std::deque<std::shared_ptr<running>> all_;  // the newest first
};

}  // namespace consentry::app

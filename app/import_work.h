// What is done with one import job from its start to its end. One thread's.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>

#include "app/company_watch.h"
#include "app/import_files.h"
#include "app/import_store.h"
#include "app/store_rooms.h"
#include "base/clock.h"
#include "base/prepared_hmac.h"

namespace consentry::app {

// The first eight bytes of an address's HMAC under the platform's key.
std::uint64_t platform_hash(const prepared_hmac& platform, std::string_view address_key);

class import_work {
 public:
  struct tools {
    store_rooms& rooms;
    const wall_clock& clock;
    const import_files& files;
    const prepared_hmac& platform;
    company_watch& company;
    std::shared_ptr<const policy::consent::known_lists> lists;
    unsigned threads = 2;
  };
  explicit import_work(tools t) : tools_{std::move(t)} {}

  // To the end of the job, whichever it is. A failure: it stays as it is, to be tried again later
  // (no room on the disk, shutting down).
  result<void> run(import_job j);

  // Any thread. true: it is being worked on and will stop soon.
  bool cancel(import_id id);
  void stop() noexcept { is_stopping_ = true; }
  bool is_stopping() const noexcept { return is_stopping_; }
  struct live_progress {
    import_id id;
    std::uint64_t rows = 0, bytes = 0;
  };
  live_progress live() const;

 private:
  result<void> work_on(import_job& j);
  result<void> put(const import_job& j);
  result<void> end(import_job& j, import_state how, std::string why);
  result<void> begin_plan(import_job& j);
  result<void> plan(import_job& j, const policy::tenants::tenant& t);
  result<void> apply(import_job& j, const policy::tenants::tenant& t);
  // RULES D1: in the histories of the persons of refused rows, bounded.
  result<void> note_refusals(const import_job& j,
                             const std::vector<policy::consent::consent_refusal>& refusals);
  result<void> look_for_overlap(import_job& j) const;
  result<void> add_samples(const import_job& j);
  result<void> refresh_suspects();
  policy::consent::import_request request_of(const import_job& j,
                                             const policy::tenants::tenant& t) const;
  bool must_stop() const noexcept { return is_stopping_ || is_cancelled_; }

  tools tools_;
  std::atomic<bool> is_stopping_{false};
  std::atomic<bool> is_cancelled_{false};
  mutable std::mutex mutex_;
  live_progress live_;
};

}  // namespace consentry::app

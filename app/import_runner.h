// Runs import jobs, one at a time, on a thread of its own, and takes their files.
//
//   <store>/imports/<id>/upload        as it comes; removed when the job ends
//   <store>/imports/<id>/run*, sample* what the plan made of it; likewise
//   <store>/imports/<id>/rejects.csv   kept for some days, then removed
//
// A restart loses nothing that was acknowledged: uploads go on at the last durable byte, a plan is
// made again, an import that was being applied goes on behind its last slice.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "app/erasure.h"
#include "app/import_store.h"
#include "app/store_rooms.h"
#include "base/clock.h"

namespace consentry::app {

class import_runner {
 public:
  struct options {
    std::filesystem::path folder;                               // <store>/imports
    std::string platform_key;                                   // 32 bytes
    std::shared_ptr<const policy::consent::known_lists> lists;  // may be null
    unsigned threads = 2;
    std::chrono::hours keep_rejects = std::chrono::days{14};
    // That nobody goes on with; an erased person in it must be gone within a day (erase.max).
    std::chrono::hours keep_uploads{20};
    std::uint64_t bytes_max = 64ULL << 30;
  };
  import_runner(store_rooms& rooms, const wall_clock& clock, options o);
  ~import_runner();  // stop()

  void start();
  // Soon: a plan is dropped, an import stops between slices; both go on after the next start.
  void stop();

  // All of these block for commits: for a worker. Any thread.

  // wanted: tenant, importer, source, format, mapping, delimiter, flags, bytes. invalid: the
  // mapping cannot be meant.
  result<import_job> create(import_job wanted);
  // A part of the file. Durable when it returns. conflict: offset is not where the last part ended
  // (public_text says where).
  result<import_job> append(import_id id, std::uint64_t offset, std::string_view bytes);
  // The file is whole. conflict: it is not, or the job was started already.
  result<import_job> begin(import_id id);
  // conflict: ended already, or all-or-nothing and being applied.
  result<import_job> cancel(import_id id);
  // Ends every open import of a tenant whose data goes, whatever it is at.
  void cancel_all(tenant_id tenant);
  // The desk lets campaigns go in spite of the score.
  result<import_job> release(import_id id, const std::string& reason, const std::string& actor);

  std::optional<import_job> find(import_id id) const;
  std::filesystem::path rejects_of(import_id id) const;

  // Of the plan that runs now: the store learns of it only at its end.
  struct live_progress {
    import_id id;
    std::uint64_t rows = 0, bytes = 0;
  };
  live_progress live() const;

  std::uint64_t platform_hash(std::string_view address_key) const;
  // Takes an erased person out of the tenant's reject files and out of the samples. The files of
  // open jobs are gone when these end; what they bring of that person is refused by the tombstone.
  erasure_hook hook_for_erasures();

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace consentry::app

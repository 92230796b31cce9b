// The files of import jobs: durable appends, and their removal.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "app/import_job.h"
#include "base/result.h"

namespace consentry::app {

class import_files {
 public:
  explicit import_files(std::filesystem::path root) : root_{std::move(root)} {}

  std::filesystem::path folder(import_id id) const;
  std::filesystem::path upload(import_id id) const { return folder(id) / "upload"; }
  std::filesystem::path rejects(import_id id) const;
  std::vector<std::filesystem::path> of(import_id id, const std::vector<std::string>& names) const;

  // The folder with an empty upload, synced.
  result<void> create(import_id id) const;
  // Writes at offset (what lies behind it is what a crash left) and syncs.
  // give_way: called now and then, may wait for others' sake.
  result<void> write(import_id id, std::uint64_t offset, std::string_view bytes,
                     const std::function<void()>& give_way = {}) const;
  // All but the upload: before a plan.
  void remove_plan(import_id id) const;
  // All but the reject file.
  void remove_all_but_rejects(import_id id) const;
  void remove(import_id id) const;
  // Folders of jobs there are. Throws std::system_error where they cannot be looked at.
  std::vector<import_id> list() const;
  // Rewrites the reject file without the rows of which names(row) is true. false: there was none,
  // or no such file. Throws std::system_error.
  bool forget(import_id id, const std::function<bool(std::string_view row)>& names) const;

 private:
  std::filesystem::path next_rejects(import_id id) const;

  std::filesystem::path root_;
};

}  // namespace consentry::app

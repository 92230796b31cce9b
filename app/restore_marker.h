// <store>/restored: this store is an older copy. Withdrawals, erasures and complaints since then
// are missing, so nothing is sent from it until the journal was replayed (RULES A2 8).
#pragma once

#include <filesystem>

#include "base/result.h"

namespace consentry::app {

bool is_marked_restored(const std::filesystem::path& store);
// Durable. text: for people who look into the file.
result<void> mark_restored(const std::filesystem::path& store, std::string_view text);
result<void> unmark_restored(const std::filesystem::path& store);

}  // namespace consentry::app

// The gateway's own secrets, each a file of random bytes with mode 0600, made when first needed.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/live_settings.h"
#include "base/clock.h"
#include "smtp/auth/key_ring.h"
#include "smtp/token.h"

namespace consentry::app {

// 32 bytes. Throws configuration_error: unreadable, wrong mode, wrong length.
std::string load_or_create_key(const std::filesystem::path& folder, const std::string& name);

// token.1.key, token.2.key, ...: the highest number makes new tokens, all of them read (RULES C1).
// The first is made where there is none. Throws configuration_error, as all here that gives a ring.
std::shared_ptr<const smtp::token_ring> load_token_ring(const std::filesystem::path& folder);
// Makes nothing.
std::shared_ptr<const smtp::token_ring> read_token_ring(const std::filesystem::path& folder);

struct token_key_file {
  std::uint8_t number = 0;
  instant made_at{};                     // of the file
  std::optional<instant> superseded_at;  // none: it makes the tokens
};
// Ascending by number. io: unreadable.
result<std::vector<token_key_file>> list_token_keys(const std::filesystem::path& folder);

// Makes the next key, which makes the tokens once the ring is loaded again. limit: all 255 numbers
// were used; conflict: somebody else makes one now.
result<token_key_file> add_token_key(const std::filesystem::path& folder);

// Tokens of that key are strangers' words from then on. conflict: it makes the tokens, or was
// superseded less than `max_age` before `now`, so that a report may still come (RULES A5
// complaint.max_age_days); not_found.
result<void> may_remove_token_key(const std::filesystem::path& folder, std::uint8_t number,
                                  instant now, std::chrono::hours max_age);
result<void> remove_token_key(const std::filesystem::path& folder, std::uint8_t number, instant now,
                              std::chrono::hours max_age);

// The DKIM keys, as key_ring::load; their folder is made where it lacks, and what lies in plain is
// encrypted where there is a passphrase. Throws configuration_error.
std::shared_ptr<const smtp::auth::key_ring> open_dkim_keys(const smtp::auth::key_folder& folder);

// Reads them again for all who sign. No later reading is overtaken by an earlier one. Throws
// configuration_error: the old ones stay.
void reload_dkim_keys(const smtp::auth::key_folder& folder, live_settings& live);

}  // namespace consentry::app

// The gateway's own secrets, each a file of random bytes with mode 0600, made when first needed.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "app/live_settings.h"
#include "smtp/auth/key_ring.h"
#include "smtp/token.h"

namespace consentry::app {

// 32 bytes. Throws configuration_error: unreadable, wrong mode, wrong length.
std::string load_or_create_key(const std::filesystem::path& folder, const std::string& name);

// token.1.key, token.2.key, ...: the highest number makes new tokens, all of them read (RULES C1).
std::shared_ptr<const smtp::token_ring> load_token_ring(const std::filesystem::path& folder);

// The DKIM keys, as key_ring::load; their folder is made where it lacks, and what lies in plain is
// encrypted where there is a passphrase. Throws configuration_error.
std::shared_ptr<const smtp::auth::key_ring> open_dkim_keys(const smtp::auth::key_folder& folder);

// Reads them again for all who sign. No later reading is overtaken by an earlier one. Throws
// configuration_error: the old ones stay.
void reload_dkim_keys(const smtp::auth::key_folder& folder, live_settings& live);

}  // namespace consentry::app

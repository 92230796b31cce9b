// [dkim] of consentry.toml.
#pragma once

#include <chrono>
#include <filesystem>

#include "base/strict_toml.h"
#include "smtp/auth/key_folder.h"

namespace consentry::app {

struct dkim_settings {
  smtp::auth::key_folder folder;  // with the passphrase, read from its file
  std::chrono::days retire_after{14};
  std::chrono::days old_after{180};  // 0: never
  std::chrono::seconds look_every{300};
};

// Paths are meant from `base`; keys lie in <store>/dkim if nothing else is said. Throws
// configuration_error.
dkim_settings read_dkim_settings(toml_section s, const std::filesystem::path& base,
                                 const std::filesystem::path& store);

}  // namespace consentry::app

#include "app/dkim_settings.h"

#include <fmt/format.h>

#include <cstdlib>

#include "base/text.h"
#include "smtp/auth/key_pem.h"

namespace consentry::app {
namespace {

namespace fs = std::filesystem;
using std::chrono::days;
using std::chrono::seconds;

// nullptr: none is wanted.
std::shared_ptr<const secret_text> read_passphrase(toml_section& s, const fs::path& base) {
  // systemd puts credentials where only the service sees them (systemd.exec(5), LoadCredential=).
  constexpr std::string_view credentials = "$CREDENTIALS_DIRECTORY/";
  auto file = s.text("passphrase_file", "");
  if (file.empty()) return nullptr;
  if (file.starts_with(credentials)) {
    const char* place = std::getenv("CREDENTIALS_DIRECTORY");
    if (place == nullptr) s.fail("passphrase_file", "CREDENTIALS_DIRECTORY is not set");
    file = (fs::path{place} / file.substr(credentials.size())).string();
  }
  const auto text = read_key_file(base / file);  // an absolute one stays
  if (!text) s.fail("passphrase_file", text.error().public_text);
  std::string words{trim(text->reveal())};
  if (words.size() < smtp::auth::passphrase_octets_min)
    s.fail("passphrase_file", fmt::format("a passphrase has {} characters or more",
                                          smtp::auth::passphrase_octets_min));
  return std::make_shared<const secret_text>(std::move(words));
}

}  // namespace

dkim_settings read_dkim_settings(toml_section s, const fs::path& base, const fs::path& store) {
  dkim_settings out;
  const fs::path given{s.text("folder", "")};
  auto folder = given.empty() ? store / "dkim" : base / given;
  out.retire_after = days{s.integer("retire_days", 14, 1, 365)};
  out.old_after = days{s.integer("rotate_after_days", 180, 0, 3650)};
  out.look_every = seconds{s.integer("look_every_s", 300, 1, 86'400)};
  out.folder = {std::move(folder), read_passphrase(s, base)};
  s.finish();
  return out;
}

}  // namespace consentry::app

#include "app/key_store.h"

#include <fmt/format.h>

#include "base/log.h"
#include "base/secret.h"
#include "base/text.h"

namespace consentry::app {
namespace {

constexpr std::size_t key_bytes = 32;

}  // namespace

std::string load_or_create_key(const std::filesystem::path& folder, const std::string& name) {
  if (auto made = create_key_folder(folder); !made)
    throw configuration_error(describe(made.error()));
  if (auto good = check_key_folder(folder); !good)
    throw configuration_error(describe(good.error()));
  const auto file = folder / name;
  auto content = read_key_file(file);
  if (!content && content.error().kind == failure_kind::not_found) {
    const secret_text made{hex(random_bytes(key_bytes)) + "\n"};
    if (auto created = create_key_file(file, made.reveal()); !created)
      throw configuration_error(describe(created.error()));
    content = read_key_file(file);
  }
  if (!content) throw configuration_error(describe(content.error()));
  auto bytes = parse_hex(trim(content->reveal()));
  if (!bytes || bytes->size() != key_bytes)
    throw configuration_error(file.string() + ": must hold 64 hexadecimal digits");
  return std::move(*bytes);
}

std::shared_ptr<const smtp::token_ring> load_token_ring(const std::filesystem::path& folder) {
  std::vector<smtp::token_key> keys;
  keys.push_back({.number = 1, .secret = load_or_create_key(folder, "token.1.key")});
  for (unsigned n = 2; n < 256; ++n) {
    const auto name = fmt::format("token.{}.key", n);
    std::error_code error;
    if (std::filesystem::exists(folder / name, error))
      keys.push_back(
          {.number = static_cast<std::uint8_t>(n), .secret = load_or_create_key(folder, name)});
  }
  return std::make_shared<const smtp::token_ring>(std::move(keys));
}

std::shared_ptr<const smtp::auth::key_ring> open_dkim_keys(const smtp::auth::key_folder& folder) {
  if (const auto made = create_key_folder(folder.path()); !made)
    throw configuration_error(describe(made.error()));
  auto ring = smtp::auth::key_ring::load(folder);
  const auto encrypted = smtp::auth::encrypt_keys(folder);
  if (!encrypted) throw configuration_error(describe(encrypted.error()));
  if (*encrypted != 0)
    log::info("app/key_store", "keys_encrypted",
              {{"folder", folder.path().string()}, {"keys", *encrypted}});
  return ring;
}

void reload_dkim_keys(const smtp::auth::key_folder& folder, live_settings& live) {
  const auto lock = folder.lock();
  live.dkim_keys.set(smtp::auth::key_ring::load(folder));
}

}  // namespace consentry::app

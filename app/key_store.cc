#include "app/key_store.h"

#include <fmt/format.h>

#include "base/secret.h"
#include "base/text.h"

namespace consentry::app {
namespace {

constexpr std::size_t key_bytes = 32;

}  // namespace

std::string load_or_create_key(const std::filesystem::path& folder, const std::string& name) {
  std::error_code error;
  if (std::filesystem::create_directories(folder, error))
    std::filesystem::permissions(folder, std::filesystem::perms::owner_all, error);
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

}  // namespace consentry::app

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

namespace {

std::string token_key_name(unsigned number) {
  return fmt::format("token.{}.key", number);
}

constexpr unsigned key_number_max = 255;

}  // namespace

std::shared_ptr<const smtp::token_ring> read_token_ring(const std::filesystem::path& folder) {
  const auto listed = list_token_keys(folder);
  if (!listed) throw configuration_error(describe(listed.error()));
  if (listed->empty()) throw configuration_error(folder.string() + ": holds no token.N.key");
  std::vector<smtp::token_key> keys;
  for (const auto& k : *listed)
    keys.push_back(
        {.number = k.number, .secret = load_or_create_key(folder, token_key_name(k.number))});
  return std::make_shared<const smtp::token_ring>(std::move(keys));
}

std::shared_ptr<const smtp::token_ring> load_token_ring(const std::filesystem::path& folder) {
  const auto listed = list_token_keys(folder);
  if (!listed || listed->empty()) load_or_create_key(folder, token_key_name(1));
  return read_token_ring(folder);
}

result<std::vector<token_key_file>> list_token_keys(const std::filesystem::path& folder) {
  std::vector<token_key_file> out;
  for (unsigned n = 1; n <= key_number_max; ++n) {
    std::error_code error;
    const auto file = folder / token_key_name(n);
    const auto at = std::filesystem::last_write_time(file, error);
    if (error == std::errc::no_such_file_or_directory) continue;
    if (error)
      return failure{.kind = failure_kind::io,
                     .public_text = "a key file cannot be read",
                     .private_cause = file.string() + ": " + error.message()};
    const auto made_at =
        std::chrono::time_point_cast<instant::duration>(std::chrono::file_clock::to_sys(at));
    if (!out.empty()) out.back().superseded_at = made_at;
    out.push_back({.number = static_cast<std::uint8_t>(n), .made_at = made_at});
  }
  return out;
}

result<token_key_file> add_token_key(const std::filesystem::path& folder) {
  const auto listed = list_token_keys(folder);
  if (!listed) return listed.error();
  const unsigned number = listed->empty() ? 1 : listed->back().number + 1U;
  if (number > key_number_max)
    return failure{.kind = failure_kind::limit,
                   .permanent = true,
                   .public_text = "all 255 numbers of token keys were used"};
  const secret_text made{hex(random_bytes(key_bytes)) + "\n"};
  const auto created = create_key_file(folder / token_key_name(number), made.reveal());
  if (!created) return created.error();
  const auto after = list_token_keys(folder);
  if (!after) return after.error();
  return after->back();
}

result<void> may_remove_token_key(const std::filesystem::path& folder, std::uint8_t number,
                                  instant now, std::chrono::hours max_age) {
  const auto listed = list_token_keys(folder);
  if (!listed) return listed.error();
  const auto conflict = [](std::string text) {
    return failure{
        .kind = failure_kind::conflict, .permanent = true, .public_text = std::move(text)};
  };
  for (const auto& k : *listed) {
    if (k.number != number) continue;
    if (!k.superseded_at) return conflict("this key makes the tokens: rotate first");
    if (now < *k.superseded_at + max_age)
      return conflict("mail with its tokens may still be complained about until " +
                      to_string_utc(*k.superseded_at + max_age));
    return {};
  }
  return failure{
      .kind = failure_kind::not_found, .permanent = true, .public_text = "no such token key"};
}

result<void> remove_token_key(const std::filesystem::path& folder, std::uint8_t number, instant now,
                              std::chrono::hours max_age) {
  if (auto may = may_remove_token_key(folder, number, now, max_age); !may) return may;
  return remove_key_file(folder / token_key_name(number));
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

#include "smtp/auth/key_folder.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>

#include "base/civil_date.h"
#include "base/text.h"
#include "smtp/auth/key_pem.h"

namespace consentry::smtp::auth {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view notes_name = "keys.state";
constexpr std::string_view notes_first_line = "consentry-dkim-keys 1";

struct note {
  key_state state = key_state::signing;
  instant made_at{};
  instant since{};
};
using notes = std::map<std::string, note>;  // by selector

failure no(failure_kind kind, std::string why) {
  return {.kind = kind, .permanent = true, .public_text = std::move(why)};
}

std::optional<key_state> parse_state(std::string_view text) noexcept {
  for (const auto s : {key_state::waiting, key_state::signing, key_state::retired})
    if (to_string(s) == text) return s;
  return std::nullopt;
}

bool is_selector(std::string_view s) noexcept {
  return !s.empty() && s.size() <= 62 && std::ranges::all_of(s, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
}

notes read_notes(const fs::path& place) {
  const auto file = place / notes_name;
  const auto text = read_key_file(file);
  if (!text && text.error().kind == failure_kind::not_found) return {};
  if (!text) throw configuration_error(text.error().public_text);
  notes out;
  std::size_t number = 0;
  for (const auto line : split(text->reveal(), '\n')) {
    ++number;
    const auto bad = [&](const char* why) {
      return configuration_error(fmt::format("{}:{}: {}", file.string(), number, why));
    };
    if (number == 1 && line != notes_first_line) throw bad("not a list of keys of this version");
    if (number == 1 || line.empty()) continue;
    const auto words = split(line, ' ');
    if (words.size() != 4) throw bad("must be: selector state made since");
    const auto state = parse_state(words[1]);
    const auto made = parse_timestamp(words[2]), since = parse_timestamp(words[3]);
    if (!state || !made || !since) throw bad("no such state, or no timestamp");
    out[std::string{words[0]}] = {.state = *state, .made_at = *made, .since = *since};
  }
  return out;
}

result<void> write_notes(const fs::path& place, const notes& all) {
  std::string text{notes_first_line};
  text += '\n';
  for (const auto& [selector, n] : all)
    text += fmt::format("{} {} {} {}\n", selector, to_string(n.state), to_string_utc(n.made_at),
                        to_string_utc(n.since));
  return replace_key_file(place / notes_name, text);
}

notes notes_of(const std::vector<held_key>& keys) {
  notes out;
  for (const auto& k : keys)
    out[k.key->selector()] = {.state = k.state, .made_at = k.made_at, .since = k.since};
  return out;
}

instant time_of(const fs::path& file) {
  struct stat info{};
  if (::stat(file.c_str(), &info) != 0) return {};
  return from_ms(static_cast<std::int64_t>(info.st_mtim.tv_sec) * 1000);
}

std::shared_ptr<const dkim_key> read_key(const key_folder& folder, const fs::path& file,
                                         const std::string& domain) {
  const auto pem = read_key_file(file);
  if (!pem) throw configuration_error(pem.error().public_text);
  auto key = dkim_key::from_pem(domain, file.stem().string(), *pem, folder.passphrase());
  if (!key) throw configuration_error(file.string() + ": " + key.error().public_text);
  return *key;
}

std::vector<fs::path> key_files(const fs::path& place) {
  std::error_code error;
  std::vector<fs::path> out;
  for (fs::directory_iterator it{place, error}, end; !error && it != end; it.increment(error))
    if (it->path().extension() == ".pem") out.push_back(it->path());
  if (error) throw configuration_error(place.string() + ": " + error.message());
  return out;
}

dkim_algorithm algorithm_of(const std::string& selector) {
  return selector.ends_with('e') ? dkim_algorithm::ed25519_sha256 : dkim_algorithm::rsa_sha256;
}

result<std::shared_ptr<const dkim_key>> write_new_key(const key_folder& folder,
                                                      const std::string& domain,
                                                      const std::string& selector) {
  secret_text pem;
  auto key = dkim_key::generate(domain, selector, algorithm_of(selector), pem);
  if (const auto* passphrase = folder.passphrase(); passphrase != nullptr) {
    auto sealed = encrypted_pem(pem, *passphrase);
    if (!sealed) return sealed.error();
    pem = std::move(*sealed);
  }
  const auto written = create_key_file(folder.of(domain) / (selector + ".pem"), pem.reveal());
  if (!written) return written.error();
  return key;
}

// "c1" of "c1r" and "c1e", "c2" behind it; "mail" is followed by "mail2".
std::string next_selector(const notes& used) {
  std::string last = "c0";
  instant newest{};
  for (const auto& [selector, n] : used) {
    if (n.made_at < newest) continue;
    newest = n.made_at;
    last = selector.ends_with('r') || selector.ends_with('e')
               ? selector.substr(0, selector.size() - 1)
               : selector;
  }
  constexpr std::size_t room = 50;
  const auto digits =
      std::min(last.size(), last.size() - (last.find_last_not_of("0123456789") + 1));
  const bool has_number = digits > 0 && digits < 10;
  const auto stem = last.substr(0, std::min(room, last.size() - (has_number ? digits : 0)));
  auto number = has_number ? std::stoull(last.substr(last.size() - digits)) : 1;
  for (;;) {
    auto out = stem + std::to_string(++number);
    if (!used.contains(out + "r") && !used.contains(out + "e")) return out;
  }
}

// Operations that read what may be broken: as a result.
template <class F>
auto guarded(F f) -> decltype(f()) {
  try {
    return f();
  } catch (const configuration_error& e) {
    return no(failure_kind::io, e.what());
  }
}

}  // namespace

std::string_view to_string(key_state s) noexcept {
  switch (s) {
    case key_state::waiting:
      return "waiting";
    case key_state::signing:
      return "signing";
    case key_state::retired:
      return "retired";
  }
  return "unknown";
}

key_folder::key_folder(fs::path path, std::shared_ptr<const secret_text> passphrase)
    : path_{std::move(path)}, passphrase_{std::move(passphrase)} {}

std::vector<held_key> read_keys(const key_folder& folder, const std::string& domain) {
  const auto place = folder.of(domain);
  if (const auto good = check_key_folder(place); !good)
    throw configuration_error(good.error().public_text);
  const auto known = read_notes(place);
  std::vector<held_key> out;
  for (const auto& file : key_files(place)) {
    held_key k{.key = read_key(folder, file, domain)};
    if (const auto n = known.find(k.key->selector()); n != known.end()) {
      k.state = n->second.state;
      k.made_at = n->second.made_at;
      k.since = n->second.since;
    } else {
      k.made_at = k.since = time_of(file);
    }
    out.push_back(std::move(k));
  }
  std::ranges::sort(out, {}, [](const held_key& k) {
    return std::tuple{k.state, k.key->algorithm(), k.key->selector()};
  });
  return out;
}

result<std::vector<std::shared_ptr<const dkim_key>>> create_keys(const key_folder& folder,
                                                                 const std::string& domain,
                                                                 const std::string& selector) {
  const auto lock = folder.lock();
  const auto place = folder.of(domain);
  if (const auto made = create_key_folder(place); !made) return made.error();
  const std::string wanted[] = {selector + "r", selector + "e"};
  for (const auto& s : wanted) {
    std::error_code error;
    if (fs::exists(place / (s + ".pem"), error))
      return no(failure_kind::conflict, "key " + s + " exists already");
  }
  std::vector<std::shared_ptr<const dkim_key>> out;
  for (const auto& s : wanted) {
    auto key = write_new_key(folder, domain, s);
    if (!key) return key.error();
    out.push_back(std::move(*key));
  }
  return out;
}

result<std::vector<held_key>> add_next_keys(const key_folder& folder, const std::string& domain,
                                            const std::string& selector, instant now) {
  if (!selector.empty() && !is_selector(selector))
    return no(failure_kind::invalid, "selector: 1 to 62 characters of A-Z, a-z, 0-9, - and _");
  const auto lock = folder.lock();
  const auto place = folder.of(domain);
  if (const auto made = create_key_folder(place); !made) return made.error();
  return guarded([&]() -> result<std::vector<held_key>> {
    const auto have = read_keys(folder, domain);
    auto all = read_notes(place);
    for (const auto& [s, n] : notes_of(have)) all.emplace(s, n);
    const auto is_there = [&have](const std::string& s) {
      return std::ranges::any_of(have, [&s](const auto& k) { return k.key->selector() == s; });
    };
    std::vector<std::string> lacking;
    for (const auto& [s, n] : all)
      if (n.state == key_state::waiting && !is_there(s)) lacking.push_back(s);
    if (lacking.empty()) {
      if (std::ranges::any_of(all,
                              [](const auto& n) { return n.second.state == key_state::waiting; }))
        return no(failure_kind::conflict, "other new keys are waiting for their records");
      const auto base = selector.empty() ? next_selector(all) : selector;
      for (const auto& s : {base + "r", base + "e"}) {
        if (all.contains(s)) return no(failure_kind::conflict, "the selector was used already");
        all[s] = {.state = key_state::waiting, .made_at = now, .since = now};
        lacking.push_back(s);
      }
      if (const auto written = write_notes(place, all); !written) return written.error();
    }
    for (const auto& s : lacking)
      if (const auto made = write_new_key(folder, domain, s); !made) return made.error();
    auto out = read_keys(folder, domain);
    std::erase_if(out, [](const held_key& k) { return k.state != key_state::waiting; });
    return out;
  });
}

result<key_change> start_signing(const key_folder& folder, const std::string& domain,
                                 const std::vector<std::string>& selectors, instant now) {
  const auto lock = folder.lock();
  return guarded([&]() -> result<key_change> {
    auto keys = read_keys(folder, domain);
    key_change out;
    const auto move = [now](held_key& k, key_state to, std::vector<std::string>& told) {
      k.state = to;
      k.since = now;
      told.push_back(k.key->selector());
    };
    for (auto& k : keys) {
      if (k.state != key_state::waiting ||
          std::ranges::find(selectors, k.key->selector()) == selectors.end())
        continue;
      for (auto& old : keys)
        if (old.state == key_state::signing && old.key->algorithm() == k.key->algorithm() &&
            std::ranges::find(out.now_signing, old.key->selector()) == out.now_signing.end())
          move(old, key_state::retired, out.now_retired);
      move(k, key_state::signing, out.now_signing);
    }
    if (out.now_signing.empty()) return out;
    if (const auto written = write_notes(folder.of(domain), notes_of(keys)); !written)
      return written.error();
    return out;
  });
}

result<void> remove_key(const key_folder& folder, const std::string& domain,
                        const std::string& selector) {
  const auto lock = folder.lock();
  return guarded([&]() -> result<void> {
    auto keys = read_keys(folder, domain);
    const auto found =
        std::ranges::find(keys, selector, [](const held_key& k) { return k.key->selector(); });
    if (found == keys.end()) return no(failure_kind::not_found, "no such key");
    if (found->state == key_state::signing)
      return no(failure_kind::conflict, "the key signs; rotate first");
    if (const auto gone = remove_key_file(folder.of(domain) / (selector + ".pem")); !gone)
      return gone;
    keys.erase(found);
    return write_notes(folder.of(domain), notes_of(keys));
  });
}

result<std::size_t> encrypt_keys(const key_folder& folder) {
  if (folder.passphrase() == nullptr) return std::size_t{0};
  const auto lock = folder.lock();
  return guarded([&]() -> result<std::size_t> {
    std::size_t count = 0;
    std::error_code error;
    for (fs::directory_iterator it{folder.path(), error}, end; !error && it != end;
         it.increment(error)) {
      if (!it->is_directory()) continue;
      for (const auto& file : key_files(it->path())) {
        const auto pem = read_key_file(file);
        if (!pem) return pem.error();
        if (is_encrypted_pem(*pem)) continue;
        const auto sealed = encrypted_pem(*pem, *folder.passphrase());
        if (!sealed) return sealed.error();
        if (const auto put = replace_key_file(file, sealed->reveal()); !put) return put.error();
        ++count;
      }
    }
    if (error) return no(failure_kind::io, folder.path().string() + ": " + error.message());
    return count;
  });
}

}  // namespace consentry::smtp::auth

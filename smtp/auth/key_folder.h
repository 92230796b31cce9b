// Where the private DKIM keys lie, and how one follows another without a gap.
//
//   <folder>/<domain>/<selector>.pem   private keys, 0600 in folders of 0700
//   <folder>/<domain>/keys.state       what each is for: a line "consentry-dkim-keys 1", then
//                                      "<selector> <state> <made> <since>", UTC timestamps
//
// A key without a line there signs: so did all before there were lines, and so does what an
// operator puts there. So a new key's line is written before the key, and a key is removed before
// its line: whatever moment is the last before a crash, no key signs whose record nobody asked for.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/secret.h"
#include "smtp/auth/dkim_signer.h"

namespace consentry::smtp::auth {

// In this order a key lives.
enum class key_state : std::uint8_t {
  waiting = 1,  // made; its record is not seen in the DNS yet
  signing = 2,
  retired = 3,  // signs no more; its record stays for the mail that is under way
};
std::string_view to_string(key_state s) noexcept;

struct held_key {
  std::shared_ptr<const dkim_key> key;
  key_state state = key_state::signing;
  instant made_at{};  // of a key without a line: the file's time
  instant since{};    // in this state
};

// A value; copies share the lock that keeps changes apart. Any thread; changes block on the disk.
class key_folder {
 public:
  // passphrase: keys are written encrypted; those in plain are read as well. nullptr: in plain.
  key_folder(std::filesystem::path path = {},
             std::shared_ptr<const secret_text> passphrase = nullptr);

  const std::filesystem::path& path() const noexcept { return path_; }
  std::filesystem::path of(std::string_view domain) const { return path_ / domain; }
  const secret_text* passphrase() const noexcept { return passphrase_.get(); }
  std::unique_lock<std::mutex> lock() const { return std::unique_lock{*mutex_}; }

 private:
  std::filesystem::path path_;
  std::shared_ptr<const secret_text> passphrase_;
  std::shared_ptr<std::mutex> mutex_ = std::make_shared<std::mutex>();
};

// Of one domain, by state, RSA first. Throws configuration_error naming what cannot be used: a file
// or folder that others can read, a symbolic link, no key, a broken line.
std::vector<held_key> read_keys(const key_folder& folder, const std::string& domain);

// The first keys of a domain, <selector>r (RSA-2048) and <selector>e (Ed25519): they sign at once,
// nobody else's mail is under way. conflict: they exist.
result<std::vector<std::shared_ptr<const dkim_key>>> create_keys(const key_folder& folder,
                                                                 const std::string& domain,
                                                                 const std::string& selector);

// The next keys of a domain, waiting; gives these. selector "": the last one's with its number
// raised. What a crash cut short is gone on with. conflict: others are waiting, or the selector was
// used; invalid: not a selector.
result<std::vector<held_key>> add_next_keys(const key_folder& folder, const std::string& domain,
                                            const std::string& selector, instant now);

struct key_change {
  std::vector<std::string> now_signing, now_retired;  // selectors
};
// The waiting ones among these sign from now on; those of the same algorithm that did are retired.
result<key_change> start_signing(const key_folder& folder, const std::string& domain,
                                 const std::vector<std::string>& selectors, instant now);

// not_found; conflict: it signs.
result<void> remove_key(const key_folder& folder, const std::string& domain,
                        const std::string& selector);

// Encrypts what lies in plain; the number of keys. 0 without a passphrase.
result<std::size_t> encrypt_keys(const key_folder& folder);

}  // namespace consentry::smtp::auth

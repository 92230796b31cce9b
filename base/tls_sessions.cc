#include "base/tls_sessions.h"

#include <openssl/ssl.h>

#include <list>
#include <unordered_map>

#include "base/check.h"

namespace consentry {
namespace {

struct session_deleter {
  void operator()(SSL_SESSION* s) const noexcept { SSL_SESSION_free(s); }
};
using session_ptr = std::unique_ptr<SSL_SESSION, session_deleter>;

// What a connection carries: where its new sessions go.
struct destination {
  std::weak_ptr<tls_sessions> owner;
  std::string key;
};

void free_destination(void*, void* at, CRYPTO_EX_DATA*, int, long, void*) {
  delete static_cast<destination*>(at);
}

int destination_index() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, free_destination);
  return index;
}

// TLS 1.3 gives two tickets, each for one use (RFC 8446 appendix C.4).
constexpr std::size_t sessions_per_key = 4;
constexpr long lifetime_s = 2 * 3600;

}  // namespace

struct tls_sessions::state {
  struct entry {
    std::string key;
    std::list<session_ptr> sessions;  // newest first
  };
  std::size_t keys_max;
  std::list<entry> entries;  // used last first
  std::unordered_map<std::string, std::list<entry>::iterator> by_key;
};

tls_sessions::tls_sessions(std::size_t keys_max) : state_{std::make_unique<state>()} {
  state_->keys_max = keys_max;
}
tls_sessions::~tls_sessions() = default;

std::shared_ptr<tls_sessions> tls_sessions::make(std::size_t keys_max) {
  return std::shared_ptr<tls_sessions>{new tls_sessions{keys_max}};
}

void tls_sessions::enable(boost::asio::ssl::context& context) {
  SSL_CTX* raw = context.native_handle();
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_set_timeout(raw, lifetime_s);
  SSL_CTX_sess_set_new_cb(raw, &tls_sessions::keep_new);
}

// A copy is kept, for OpenSSL spoils the session of a connection that ends without a farewell, as
// mail hosts do. Returns 0: the session itself is not ours.
int tls_sessions::keep_new(SSL* connection, SSL_SESSION* session) {
  const auto* to = static_cast<destination*>(SSL_get_ex_data(connection, destination_index()));
  const auto self = to == nullptr ? nullptr : to->owner.lock();
  if (!self || SSL_SESSION_is_resumable(session) != 1) return 0;
  session_ptr copy{SSL_SESSION_dup(session)};
  if (!copy) return 0;
  auto& s = *self->state_;
  auto found = s.by_key.find(to->key);
  if (found == s.by_key.end()) {
    s.entries.push_front({to->key, {}});
    found = s.by_key.emplace(to->key, s.entries.begin()).first;
  } else {
    s.entries.splice(s.entries.begin(), s.entries, found->second);
  }
  auto& sessions = found->second->sessions;
  sessions.push_front(std::move(copy));
  if (sessions.size() > sessions_per_key) sessions.pop_back();
  if (s.entries.size() > s.keys_max) {
    s.by_key.erase(s.entries.back().key);
    s.entries.pop_back();
  }
  return 0;
}

void tls_sessions::prepare(SSL* connection, std::string key) {
  auto& s = *state_;
  if (const auto found = s.by_key.find(key); found != s.by_key.end()) {
    auto& sessions = found->second->sessions;
    const auto now = static_cast<long>(std::time(nullptr));
    while (!sessions.empty()) {
      auto& newest = sessions.front();
      const bool is_old =
          SSL_SESSION_get_time(newest.get()) + SSL_SESSION_get_timeout(newest.get()) <= now;
      const session_ptr copy{is_old ? nullptr : SSL_SESSION_dup(newest.get())};
      if (copy) SSL_set_session(connection, copy.get());
      // A TLS 1.3 ticket that is used twice lets an onlooker link the two.
      const bool is_spent =
          is_old || SSL_SESSION_get_protocol_version(newest.get()) >= TLS1_3_VERSION;
      if (is_spent) sessions.pop_front();
      if (!is_old) break;
    }
    if (sessions.empty()) {
      s.entries.erase(found->second);
      s.by_key.erase(found);
    }
  }
  auto to = std::make_unique<destination>(destination{weak_from_this(), std::move(key)});
  if (SSL_set_ex_data(connection, destination_index(), to.get()) == 1) to.release();
}

void tls_sessions::forget(const std::string& key) {
  const auto found = state_->by_key.find(key);
  if (found == state_->by_key.end()) return;
  state_->entries.erase(found->second);
  state_->by_key.erase(found);
}

std::size_t tls_sessions::size() const noexcept {
  return state_->entries.size();
}

}  // namespace consentry

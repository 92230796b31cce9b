// A machine's login for submission: bound to one tenant and one stream (RULES A1.1).
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"
#include "smtp/stream.h"

namespace consentry::policy::tenants {

// RFC 5802 section 3: what is kept instead of a password. The same as smtp::server::scram_keys,
// which this layer may not know; app carries one into the other.
struct scram_secret {
  std::string salt;
  int iterations = 0;
  std::string stored_key;  // 32 bytes
  std::string server_key;  // 32 bytes
};

struct credential {
  std::string user;  // unique in the whole gateway: 1 to 64 of A-Z a-z 0-9 . _ @ + -
  tenant_id tenant;
  smtp::stream stream = smtp::stream::bulk;
  std::string campaign;  // used where a message names none; may be empty
  std::string topic;
  bool active = true;
  instant created_at{};
  scram_secret scram;
};

// What is stored in table credentials under the user name. decode_credential throws decode_error.
std::string encode(const credential& c);
credential decode_credential(std::string_view user, std::string_view bytes);

// failure_kind::invalid naming what is wrong.
result<void> validate(const credential& c);
result<void> validate(const scram_secret& s);

}  // namespace consentry::policy::tenants

// All that proves how a mail came to be sent and what came of it, as one archive that others can
// check without us (RULES E5): consent and the text that was shown, the verdict, the message's
// hash, its signatures and the answer to it, complaints, what was done, and the journal's entries
// with their hashes.
//
//   page.html                 for readers
//   messages.json persons.json delivery.json complaints.json acts.json
//   notices/<sha256>.txt      exact texts that people agreed to
//   evidence/<sha256>         what consents point to
//   journal/entries.ndjson    {"seq", "previous", "hash", "event" (base64 of the encoded event)}
//   journal/checkpoint.json   the newest of them: hash of the whole chain up to it
//   manifest.json             names, sizes and SHA-256 of all these, and the gateway's public key
//   manifest.sig              Ed25519 over manifest.json, hexadecimal
//
// The same facts give the same archive, octet for octet.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "app/store_rooms.h"
#include "base/signing_key.h"
#include "base/tar_archive.h"

namespace consentry::app {

struct pack_request {
  tenant_id tenant;
  message_id message;  // 0: the person's newest mails
  std::string person;  // pseudonym; empty: all recipients of the message
};

// Reads of the store, and CPU work: for a worker. not_found: nothing is known of it.
result<std::string> make_evidence_pack(const store_rooms& rooms, const signing_key& key,
                                       std::string_view gateway, const pack_request& r);

struct pack_check {
  std::vector<std::string> flaws;  // "journal/entries.ndjson: ..."; empty: all is sound
  std::string gateway, tenant, message, checkpoint;  // as the manifest says
  std::size_t files = 0, entries = 0;
};

// Without a store: the archive, octet by octet, against the public key (32 bytes). Any bytes may be
// given.
pack_check check_evidence_pack(std::string_view archive, std::string_view public_key);

}  // namespace consentry::app

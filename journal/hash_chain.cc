#include "journal/hash_chain.h"

#include "base/bytes.h"

namespace consentry::journal {

digest256 chain_hash(const digest256& previous, journal_seq seq, std::string_view encoded_event) {
  byte_writer w;
  w.raw(as_bytes(previous)).be64(seq.value).raw(encoded_event);
  return sha256(w.bytes());
}

}  // namespace consentry::journal

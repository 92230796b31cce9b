// The facts of an evidence pack, out of the store, before they become files.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <map>

#include "app/evidence_pack.h"

namespace consentry::app {

struct evidence_facts {
  boost::json::array messages, persons, delivery, complaints, acts;
  std::map<std::string, std::string> notices;   // hex SHA-256 of the text -> text
  std::map<std::string, std::string> evidence;  // hex SHA-256 -> bytes
  std::map<std::uint64_t, journal::entry> entries;
  std::map<std::uint64_t, digest256> previous;   // by entry: the hash it follows on
  std::map<std::uint64_t, std::string> encoded;  // as they lie in the store
};

// Throws store_error, decode_error. Empty messages: nothing is known.
evidence_facts read_evidence(const store_rooms& rooms, const read_txn& txn,
                             const policy::tenants::tenant& t, const pack_request& r);

// The page for readers: plain HTML without scripts, styles within.
std::string evidence_page(std::string_view gateway, const policy::tenants::tenant& t,
                          const evidence_facts& f, std::string_view public_key);

}  // namespace consentry::app

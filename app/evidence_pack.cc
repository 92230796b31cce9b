#include "app/evidence_pack.h"

#include <boost/json.hpp>

#include "app/evidence_facts.h"
#include "base/text.h"

namespace consentry::app {
namespace {

namespace json = boost::json;

std::string as_line(const journal::entry& e, const digest256& previous, std::string_view encoded) {
  return json::serialize(json::object{{"seq", e.seq.value},
                                      {"previous", hex(as_bytes(previous))},
                                      {"hash", hex(as_bytes(e.hash))},
                                      {"event", base64(encoded)}}) +
         "\n";
}

// Indented by one level for each member of the top: what people may look at.
std::string as_text(const json::array& list) {
  std::string out = "[\n";
  for (std::size_t i = 0; i < list.size(); ++i)
    out += " " + json::serialize(list[i]) + (i + 1 < list.size() ? ",\n" : "\n");
  return out + "]\n";
}

std::string checkpoint_of(std::string_view gateway, const evidence_facts& f) {
  const auto& newest = f.entries.rbegin()->second;
  return json::serialize(json::object{{"gateway", gateway},
                                      {"seq", newest.seq.value},
                                      {"hash", hex(as_bytes(newest.hash))},
                                      {"at", to_string_utc(newest.what.at)},
                                      {"entries", f.entries.size()}}) +
         "\n";
}

std::vector<archived_file> files_of(std::string_view gateway, const policy::tenants::tenant& t,
                                    const evidence_facts& f, const signing_key& key) {
  std::vector<archived_file> out;
  const auto add = [&](std::string name, std::string bytes) {
    out.push_back({std::move(name), std::move(bytes)});
  };
  add("page.html", evidence_page(gateway, t, f, key.public_key()));
  add("messages.json", as_text(f.messages));
  add("persons.json", as_text(f.persons));
  add("delivery.json", as_text(f.delivery));
  add("complaints.json", as_text(f.complaints));
  add("acts.json", as_text(f.acts));
  for (const auto& [name, text] : f.notices) add("notices/" + name + ".txt", text);
  for (const auto& [name, bytes] : f.evidence) add("evidence/" + name, bytes);
  std::string lines;
  for (const auto& [seq, e] : f.entries) lines += as_line(e, f.previous.at(seq), f.encoded.at(seq));
  add("journal/entries.ndjson", std::move(lines));
  add("journal/checkpoint.json", checkpoint_of(gateway, f));
  return out;
}

std::string manifest_of(std::string_view gateway, const policy::tenants::tenant& t,
                        const pack_request& r, const std::vector<archived_file>& files,
                        const signing_key& key) {
  json::array list;
  for (const auto& f : files)
    list.push_back(json::object{
        {"name", f.name}, {"bytes", f.bytes.size()}, {"sha256", hex(as_bytes(sha256(f.bytes)))}});
  json::object o{{"consentry_evidence", 1},
                 {"gateway", gateway},
                 {"tenant", t.name},
                 {"controller", to_valid_utf8(t.legal_name)},
                 {"message", r.message ? to_string(r.message) : std::string{}},
                 {"public_key", hex(key.public_key())},
                 {"files", std::move(list)}};
  return json::serialize(o) + "\n";
}

}  // namespace

result<std::string> make_evidence_pack(const store_rooms& rooms, const signing_key& key,
                                       std::string_view gateway, const pack_request& r) {
  const auto directory = rooms.directory.get();
  const auto* t = directory->find(r.tenant);
  const failure nothing{.kind = failure_kind::not_found,
                        .permanent = true,
                        .public_text = "nothing is known of that mail and recipient"};
  if (t == nullptr) return nothing;
  const auto facts =
      rooms.env.read([&](const read_txn& txn) { return read_evidence(rooms, txn, *t, r); });
  if (!facts) return facts.error();
  if (facts->entries.empty()) return nothing;
  auto files = files_of(gateway, *t, *facts, key);
  auto manifest = manifest_of(gateway, *t, r, files, key);
  auto signature = hex(key.sign(manifest)) + "\n";
  files.push_back({"manifest.json", std::move(manifest)});
  files.push_back({"manifest.sig", std::move(signature)});
  return make_tar(files);
}

}  // namespace consentry::app

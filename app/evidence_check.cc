// The check of an evidence pack, on any machine.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <map>

#include "app/evidence_pack.h"
#include "base/bytes.h"
#include "base/text.h"
#include "journal/event_codec.h"
#include "journal/hash_chain.h"

namespace consentry::app {
namespace {

namespace json = boost::json;

class checking {
 public:
  explicit checking(pack_check& out) : out_{out} {}
  void run(std::string_view archive, std::string_view public_key);

 private:
  void flaw(std::string text) { out_.flaws.push_back(std::move(text)); }
  const std::string* find(const std::string& name) const;
  bool check_signature(std::string_view public_key);
  void check_files(const json::object& manifest);
  void check_file(const json::object& listed);
  void check_journal();
  std::string flaw_of_line(std::string_view line, std::uint64_t& seq, std::string& hash);

  pack_check& out_;
  std::vector<archived_file> files_;
  std::map<std::string, bool> is_listed_;
};

const std::string* checking::find(const std::string& name) const {
  const auto found = std::ranges::find(files_, name, &archived_file::name);
  return found == files_.end() ? nullptr : &found->bytes;
}

std::optional<json::object> object_in(std::string_view text) {
  boost::system::error_code error;
  auto v = json::parse(text, error);
  if (error || !v.is_object()) return std::nullopt;
  return std::move(v.as_object());
}

std::string text_in(const json::object& o, std::string_view name) {
  const auto* v = o.if_contains(name);
  return v != nullptr && v->is_string() ? std::string{v->as_string()} : std::string{};
}

std::uint64_t number_in(const json::object& o, std::string_view name) {
  const auto* v = o.if_contains(name);
  boost::system::error_code error;
  const auto n = v == nullptr ? 0 : v->to_number<std::uint64_t>(error);
  return error ? 0 : n;
}

bool checking::check_signature(std::string_view public_key) {
  const auto *manifest = find("manifest.json"), *text = find("manifest.sig");
  if (manifest == nullptr || text == nullptr) {
    flaw(manifest == nullptr ? "manifest.json: is missing" : "manifest.sig: is missing");
    return false;
  }
  const auto signature = parse_hex(trim(*text));
  if (!signature || *text != hex(*signature) + "\n") {
    flaw("manifest.sig: is no signature");
    return false;
  }
  if (verify_signature(public_key, *manifest, *signature)) return true;
  flaw("manifest.json: its signature is not by this key, or it or manifest.sig was changed");
  return false;
}

void checking::check_file(const json::object& listed) {
  const auto name = text_in(listed, "name");
  const auto* bytes = find(name);
  if (bytes == nullptr) return flaw(name + ": is missing");
  is_listed_[name] = true;
  if (bytes->size() != number_in(listed, "bytes"))
    return flaw(
        fmt::format("{}: has {} octets, not {}", name, bytes->size(), number_in(listed, "bytes")));
  if (hex(as_bytes(sha256(*bytes))) != text_in(listed, "sha256"))
    flaw(name + ": was changed: its SHA-256 is another");
}

void checking::check_files(const json::object& manifest) {
  out_.gateway = text_in(manifest, "gateway");
  out_.tenant = text_in(manifest, "tenant");
  out_.message = text_in(manifest, "message");
  const auto* files = manifest.if_contains("files");
  if (files == nullptr || !files->is_array()) return flaw("manifest.json: lists no files");
  for (const auto& f : files->as_array())
    if (f.is_object()) check_file(f.as_object());
  for (const auto& f : files_)
    if (f.name != "manifest.json" && f.name != "manifest.sig" && !is_listed_[f.name])
      flaw(f.name + ": is not in the manifest");
}

std::string checking::flaw_of_line(std::string_view line, std::uint64_t& seq, std::string& hash) {
  const auto o = object_in(line);
  if (!o) return "does not read";
  seq = number_in(*o, "seq");
  hash = text_in(*o, "hash");
  const auto previous = parse_hex(text_in(*o, "previous"));
  const auto event = parse_base64(text_in(*o, "event"));
  digest256 before{};
  if (!previous || previous->size() != before.size() || !event) return "does not read";
  std::ranges::copy(*previous, before.begin());
  if (hex(as_bytes(journal::chain_hash(before, {seq}, *event))) != hash)
    return "its hash does not follow from the entry";
  try {
    journal::decode_event(*event);
  } catch (const decode_error& e) {
    return e.what();
  }
  return {};
}

// Each entry hashes; where two follow one on the other, the chain joins them; the newest is the
// checkpoint's.
void checking::check_journal() {
  const auto *lines = find("journal/entries.ndjson"), *text = find("journal/checkpoint.json");
  if (lines == nullptr || text == nullptr) return;  // told already
  std::uint64_t last = 0;
  std::string last_hash;
  for (const auto line : split(*lines, '\n')) {
    if (line.empty()) continue;
    std::uint64_t seq = 0;
    std::string hash;
    auto wrong = flaw_of_line(line, seq, hash);
    if (wrong.empty() && seq <= last) wrong = "is out of order";
    if (wrong.empty() && seq == last + 1 && last != 0) {
      const auto o = object_in(line);
      if (text_in(*o, "previous") != last_hash) wrong = "does not follow from the one before";
    }
    if (!wrong.empty()) flaw(fmt::format("journal/entries.ndjson: entry {}: {}", seq, wrong));
    last = seq;
    last_hash = hash;
    ++out_.entries;
  }
  const auto checkpoint = object_in(*text);
  if (!checkpoint || number_in(*checkpoint, "seq") != last ||
      text_in(*checkpoint, "hash") != last_hash ||
      number_in(*checkpoint, "entries") != out_.entries)
    return flaw("journal/checkpoint.json: is not of these entries");
  out_.checkpoint = fmt::format("{} {}", last, last_hash);
}

void checking::run(std::string_view archive, std::string_view public_key) {
  auto read = read_tar(archive);
  if (!read) return flaw("archive: " + read.error().public_text);
  files_ = std::move(*read);
  out_.files = files_.size();
  if (!check_signature(public_key)) return;
  const auto manifest = object_in(*find("manifest.json"));
  if (!manifest) return flaw("manifest.json: does not read");
  check_files(*manifest);
  if (out_.flaws.empty()) check_journal();
  // What lies between and behind the files is of a fixed form too.
  if (out_.flaws.empty() && make_tar(files_) != archive)
    flaw("archive: octets outside of its files were changed");
}

}  // namespace

pack_check check_evidence_pack(std::string_view archive, std::string_view public_key) {
  pack_check out;
  checking{out}.run(archive, public_key);
  return out;
}

}  // namespace consentry::app

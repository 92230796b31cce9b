#include "app/journal_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "base/text.h"

namespace consentry::app {
namespace {

namespace json = boost::json;

std::optional<digest256> digest_of(const json::value* v) {
  if (v == nullptr || !v->is_string()) return std::nullopt;
  const auto bytes = parse_hex(std::string{v->as_string()});
  digest256 out;
  if (!bytes || bytes->size() != out.size()) return std::nullopt;
  std::copy(bytes->begin(), bytes->end(), out.begin());
  return out;
}

std::optional<std::uint64_t> number_in(const json::object& o, const char* name) {
  const auto* v = o.if_contains(name);
  if (v == nullptr || !v->is_number()) return std::nullopt;
  boost::system::error_code error;
  const auto n = v->to_number<std::uint64_t>(error);
  return error ? std::nullopt : std::optional{n};
}

}  // namespace

std::string to_line(const journal_line& l) {
  return fmt::format("{{\"seq\":{},\"hash\":\"{}\",\"event\":\"{}\"}}\n", l.seq.value,
                     hex(as_bytes(l.hash)), base64(l.event));
}

std::string head_line(journal_seq from, const digest256& previous) {
  return fmt::format("{{\"consentry_journal\":1,\"from\":{},\"previous\":\"{}\"}}\n", from.value,
                     hex(as_bytes(previous)));
}

failure journal_file_reader::flaw(const std::string& what) const {
  return {.kind = failure_kind::invalid,
          .permanent = true,
          .public_text = fmt::format("{}:{}: {}", file_.string(), line_number_, what)};
}

// Empty: the end.
result<std::string> journal_file_reader::line() {
  std::string out;
  if (!std::getline(in_, out)) {
    if (in_.bad()) return flaw("cannot be read");
    return std::string{};
  }
  if (in_.eof()) return std::string{};  // cut off: no entry
  ++line_number_;
  bytes_ += out.size() + 1;
  return out;
}

result<journal_file_reader> journal_file_reader::open(const std::filesystem::path& file) {
  journal_file_reader r;
  r.file_ = file;
  r.in_.open(file, std::ios::binary);
  if (!r.in_) return r.flaw("cannot be opened");
  const auto first = r.line();
  if (!first) return first.error();
  boost::system::error_code error;
  const auto head = json::parse(*first, error);
  if (error || !head.is_object()) return r.flaw("not an exported journal");
  const auto& o = head.as_object();
  const auto version = number_in(o, "consentry_journal");
  const auto from = number_in(o, "from");
  const auto previous = digest_of(o.if_contains("previous"));
  if (!version || *version != 1) return r.flaw("not an exported journal, or of another version");
  if (!from || *from == 0 || !previous) return r.flaw("its head is damaged");
  r.from_ = {*from};
  r.last_ = {*from - 1};
  r.previous_ = r.head_ = *previous;
  return r;
}

result<std::optional<journal_line>> journal_file_reader::next() {
  const auto text = line();
  if (!text) return text.error();
  if (text->empty()) return std::optional<journal_line>{};
  boost::system::error_code error;
  const auto value = json::parse(*text, error);
  if (error || !value.is_object()) return flaw("not a line of a journal");
  const auto& o = value.as_object();
  const auto seq = number_in(o, "seq");
  const auto hash = digest_of(o.if_contains("hash"));
  const auto* event = o.if_contains("event");
  if (!seq || !hash || event == nullptr || !event->is_string()) return flaw("an entry is damaged");
  auto bytes = parse_base64(std::string{event->as_string()});
  if (!bytes) return flaw("an entry is damaged");
  if (*seq != last_.value + 1) return flaw(fmt::format("entry {} is missing", last_.value + 1));
  journal_line out{.seq = {*seq}, .hash = *hash, .event = std::move(*bytes)};
  if (journal::chain_hash(head_, out.seq, out.event) != out.hash)
    return flaw("its hash does not follow from the entry before it");
  last_ = out.seq;
  head_ = out.hash;
  return std::optional{std::move(out)};
}

}  // namespace consentry::app

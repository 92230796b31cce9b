// The journal off the host: a file of entries, each a line, in the order of the chain.
//
//   {"consentry_journal": 1, "from": 17, "previous": "<hash of entry 16>"}
//   {"seq": 17, "hash": "<hex>", "event": "<base64 of the encoded event>"}
//
// A line that a crash cut off at the end is no entry. Pure but for reading and writing the file.
#pragma once

#include <boost/json/fwd.hpp>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include "base/result.h"
#include "journal/event_journal.h"
#include "journal/hash_chain.h"

namespace consentry::app {

struct journal_line {
  journal_seq seq;
  digest256 hash{};
  std::string event;  // encoded
};

std::string to_line(const journal_line& l);
std::string head_line(journal_seq from, const digest256& previous);

// Reads one file front to back and verifies the chain as it goes.
class journal_file_reader {
 public:
  // invalid: not such a file, with the number of the line.
  static result<journal_file_reader> open(const std::filesystem::path& file);

  journal_seq from() const noexcept { return from_; }
  const digest256& previous() const noexcept { return previous_; }

  // nullopt: the end. invalid: a line that does not read, or does not follow from the one before.
  result<std::optional<journal_line>> next();
  // Of what was read: where a writer goes on. Bytes up to and with the last whole line.
  std::uint64_t bytes_read() const noexcept { return bytes_; }
  journal_seq last() const noexcept { return last_; }
  const digest256& head() const noexcept { return head_; }

 private:
  result<std::string> line();
  failure flaw(const std::string& what) const;

  std::filesystem::path file_;
  std::ifstream in_;
  journal_seq from_, last_;
  digest256 previous_{}, head_{};
  std::uint64_t line_number_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace consentry::app

// What a file says to whoever opens it: the values that pass between the daemon and the confined
// reader.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace consentry::filters::reader {

// RULES F9. All of one file, whatever lies inside it.
struct read_limits {
  unsigned depth_max = 5;                  // containers in one another: ZIP in ZIP is two
  unsigned ratio_max = 100;                // unpacked to packed octets, beyond the first MiB
  std::uint64_t unpacked_max = 64u << 20;  // octets, texts and what was unpacked to get them
  unsigned entries_max = 10'000;           // files in archives
  std::uint32_t time_ms = 10'000;

  friend bool operator==(const read_limits&, const read_limits&) = default;
};

struct read_request {
  std::string type;  // as labelled, "application/pdf"; may be empty
  std::string name;  // as labelled, UTF-8; may be empty
  std::string bytes;
  read_limits limits;
};

enum class item_kind : std::uint8_t { text, html, title };

struct read_item {
  item_kind kind = item_kind::text;
  std::string path;  // "" for the file itself, else "inner.zip/letter.docx"
  std::string text;  // valid UTF-8
};

struct read_problem {
  std::string path;
  std::string why;  // "is encrypted"
};

struct reading {
  std::vector<read_item> items;
  std::vector<read_problem> unreadable;  // not empty: more may stand in the file than was found
  std::uint64_t unpacked = 0;            // octets of the limit that were used
};

}  // namespace consentry::filters::reader

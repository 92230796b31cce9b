// What the filters saw. They find, they never decide.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace consentry::filters {

// Where it stood (RULES F7 weighs them differently).
enum class zone : std::uint8_t { header, subject, body, link, attachment, hidden };
std::string_view to_string(zone z) noexcept;

struct finding {
  std::string pattern;   // "hu.S3.fogadas"; for structural checks "header.from_missing"
  std::string category;  // "H1".."H8", "S1".."S7", "permission_request", "reminder",
                         // "url_blocklist", "url_shortener"
  std::string language;  // "hu", "en", "" for structure
  filters::zone zone = zone::body;
  std::string part;  // MIME path "1.2"; "0" for the header of the message
  int view = 0;      // 1 accents kept, 2 folded, 3 leet and spacing collapsed; 0 structural
  std::size_t begin =
      0;  // octets in the original text of the part (part.text, or the header field's text)
  std::size_t end = 0;
  std::string matched;      // that piece of the original text, at most 200 octets
  double weight = 0;        // of the pattern
  double score = 0;         // weight x zone factor; each pattern counts once, with its best zone
  bool conclusive = false;  // enough alone for a hard rejection
  std::string note;         // structural checks: what is wrong, in words
};

inline constexpr std::size_t scan_hosts_max = 20;

struct scan_result {
  std::vector<finding> findings;         // the counted one per pattern first, by score descending
  std::map<std::string, double> scores;  // category -> sum
  bool unscannable = false;
  std::vector<std::string> unscannable_because;
  std::string from_address;  // the one address of From, as written; empty: none that can be used
  std::string from_domain;   // its domain in lower-case A-labels
  std::vector<std::string> link_hosts;  // where its links go, the first scan_hosts_max
  bool shows_sender_name = false;       // the sender's legal name stands in a text that is seen
};

}  // namespace consentry::filters

// Hosts as strangers write them, lists as admins write them, and the one looked for in the other.
#include "base/check.h"
#include "base/strict_toml.h"
#include "filters/link_check.h"
#include "filters/link_host.h"

using namespace consentry;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes{reinterpret_cast<const char*>(data), size};
  const auto half = bytes.find('\0');
  const auto text = bytes.substr(0, half);
  const auto written = half == bytes.npos ? text : bytes.substr(half + 1);

  const auto host = filters::comparable_host(filters::host_of(text));
  CONSENTRY_CHECK(filters::comparable_host(host) == host);

  toml_problem_collector problems;
  filters::url_lists lists;
  lists.blocked = filters::parse_host_list(written, "list");
  for (const auto& [entry, line] : lists.blocked.all()) {
    CONSENTRY_CHECK(filters::comparable_host(entry) == entry);
    CONSENTRY_CHECK(lists.blocked.find(entry) == entry);
  }
  lists.shorteners = filters::parse_host_list("bit.ly\n", "shorteners");
  filters::message_texts texts;
  texts.texts.push_back({"0", filters::zone::body, text, text});
  texts.sources.push_back({"0", filters::zone::body, written, written});
  for (const auto& l : filters::links_of_text(text)) {
    texts.links.emplace_back("0", l);
    texts.texts.push_back(
        {"0", filters::zone::link, l.url, text, nullptr, false, true, l.begin, l.end});
  }
  for (const auto& f : filters::check_links(texts, lists))
    CONSENTRY_CHECK(f.begin < f.end && f.end <= bytes.size() && !f.matched.empty());
  return 0;
}

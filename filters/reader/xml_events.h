// XML as a stream of events. The one door to expat.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace consentry::filters::reader {

// Names without their prefix: "t" for <w:t>.
using xml_attributes = std::vector<std::pair<std::string_view, std::string_view>>;

class xml_listener {
 public:
  virtual ~xml_listener() = default;
  // false: enough, stop here.
  virtual bool open(std::string_view name, const xml_attributes& attributes) = 0;
  virtual bool close(std::string_view name) = 0;
  virtual bool text(std::string_view characters) = 0;
};

// Why it cannot be read to its end, "is broken" or "declares entities of its own"; empty: read, or
// the listener had enough. No listener may throw: it is called out of C.
std::string read_xml(std::string_view bytes, xml_listener& listener);

}  // namespace consentry::filters::reader

#include "filters/reader/xml_events.h"

#include <expat.h>

#include <algorithm>
#include <memory>
#include <new>
#include <type_traits>

namespace consentry::filters::reader {
namespace {

constexpr std::size_t step_octets = 1u << 20;
constexpr std::size_t depth_max = 2'000;

struct parser_closer {
  void operator()(XML_Parser p) const noexcept { XML_ParserFree(p); }
};
using owned_parser = std::unique_ptr<std::remove_pointer_t<XML_Parser>, parser_closer>;

struct session {
  XML_Parser parser;
  xml_listener& listener;
  std::string problem;
  std::size_t depth = 0;
  bool has_enough = false;

  void stop() {
    has_enough = true;
    XML_StopParser(parser, XML_FALSE);
  }
};

std::string_view local(std::string_view name) {
  const auto colon = name.rfind(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

void on_open(void* context, const XML_Char* name, const XML_Char** given) {
  auto& s = *static_cast<session*>(context);
  if (++s.depth > depth_max) {
    s.problem = "is nested too deeply";
    s.stop();
    return;
  }
  xml_attributes attributes;
  for (; given[0] != nullptr; given += 2) attributes.emplace_back(local(given[0]), given[1]);
  if (!s.listener.open(local(name), attributes)) s.stop();
}

void on_close(void* context, const XML_Char* name) {
  auto& s = *static_cast<session*>(context);
  --s.depth;
  if (!s.has_enough && !s.listener.close(local(name))) s.stop();
}

void on_text(void* context, const XML_Char* characters, int count) {
  auto& s = *static_cast<session*>(context);
  if (!s.has_enough && !s.listener.text({characters, static_cast<std::size_t>(count)})) s.stop();
}

// No writer of documents declares entities; who does means to multiply them, or to hide words.
void on_doctype(void* context, const XML_Char*, const XML_Char*, const XML_Char*, int has_subset) {
  auto& s = *static_cast<session*>(context);
  if (has_subset == 0) return;
  s.problem = "declares entities of its own";
  s.stop();
}

}  // namespace

std::string read_xml(std::string_view bytes, xml_listener& listener) {
  const owned_parser parser{XML_ParserCreate(nullptr)};
  if (!parser) throw std::bad_alloc{};
  session s{parser.get(), listener, {}, 0, false};
  XML_SetUserData(parser.get(), &s);
  XML_SetElementHandler(parser.get(), on_open, on_close);
  XML_SetCharacterDataHandler(parser.get(), on_text);
  XML_SetStartDoctypeDeclHandler(parser.get(), on_doctype);
  for (std::size_t at = 0;;) {
    const std::size_t octets = std::min(step_octets, bytes.size() - at);
    const bool is_last = at + octets == bytes.size();
    const auto code = XML_Parse(parser.get(), bytes.data() + at, static_cast<int>(octets), is_last);
    if (!s.problem.empty()) return s.problem;
    if (s.has_enough) return {};
    if (code != XML_STATUS_OK) return "is broken";
    if (is_last) return {};
    at += octets;
  }
}

}  // namespace consentry::filters::reader

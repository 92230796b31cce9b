#include "filters/message_texts.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/text.h"
#include "smtp/mime/header_text.h"

namespace consentry::filters {
namespace {

using smtp::mime::part;
using smtp::mime::walked_message;

constexpr std::size_t links_scanned_max = 5'000;
constexpr std::size_t signature_octets_max = 64 * 1024;
// A picture and a few words ("Click here") is a mail of pictures only.
constexpr std::size_t letters_of_a_text = 12;

bool is_one_of(std::string_view value, std::initializer_list<std::string_view> list) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

std::size_t count_letters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    const auto u = static_cast<unsigned char>(c);
    return (u | 0x20) - 'a' < 26u || u >= 0xC0;
  }));
}

// Content that only a decoder of its own can read, whatever the label says.
std::string_view container_format(std::string_view body) {
  using namespace std::string_view_literals;
  constexpr std::pair<std::string_view, std::string_view> magic[] = {
      {"%PDF-"sv, "PDF"},
      {"PK\x03\x04"sv, "ZIP or office document"},
      {"\xD0\xCF\x11\xE0"sv, "office document"},
      {"Rar!\x1a"sv, "RAR"},
      {"7z\xBC\xAF\x27\x1C"sv, "7z"},
      {"\x1f\x8b\x08"sv, "gzip"},
      {"{\\rtf"sv, "RTF"}};
  for (const auto& [start, name] : magic) {
    if (body.starts_with(start)) return name;
  }
  return {};
}

bool is_uuencoded(std::string_view text) {
  for (std::size_t i = text.find("begin "); i != std::string_view::npos;
       i = text.find("begin ", i + 1)) {
    const std::string_view mode = text.substr(i + 6, 4);
    const bool at_line = i == 0 || text[i - 1] == '\n';
    if (at_line && mode.size() == 4 && mode[3] == ' ' &&
        std::all_of(mode.begin(), mode.begin() + 3, [](char c) { return c >= '0' && c <= '7'; })) {
      return true;
    }
  }
  return false;
}

class gathering {
 public:
  gathering(const walked_message& mail, const html_limits& limits) : mail_{mail}, limits_{limits} {}

  message_texts run() {
    headers();
    for (const part& p : mail_.parts) {
      if (p.type == "message/rfc822" || p.type == "message/global") nested_.insert(p.path);
    }
    for (const part& p : mail_.parts) one_part(p);
    if (mail_.unscannable) {
      out_.unscannable_because.insert(out_.unscannable_because.end(), mail_.problems.begin(),
                                      mail_.problems.end());
      if (mail_.problems.empty()) out_.unscannable_because.push_back("the message is broken");
    }
    if (out_.images > 0 && out_.visible_letters < letters_of_a_text) {
      out_.unscannable_because.push_back("the message consists of pictures only");
    }
    return std::move(out_);
  }

 private:
  void add(const std::string& path, zone where, std::string_view text, bool is_title = false) {
    if (!text.empty()) out_.texts.push_back({path, where, text, text, nullptr, is_title});
  }

  void headers() {
    for (const auto& h : mail_.headers) {
      const std::string name = ascii_lower(h.name);
      if (name == "subject") {
        add("0", zone::subject, h.text, true);
      } else if (is_one_of(name, {"from", "sender", "reply-to", "to", "cc", "organization",
                                  "comments", "keywords", "list-id"})) {
        add("0", zone::header, h.text);
      }
    }
  }

  bool is_nested(const part& p) const {
    return std::any_of(nested_.begin(), nested_.end(), [&](const std::string& outer) {
      return outer == "0" ? p.path != "0" : p.path.starts_with(outer + ".");
    });
  }

  void one_part(const part& p) {
    const bool is_attached = is_nested(p) || p.disposition == "attachment" || !p.file_name.empty();
    if (is_nested(p)) {
      for (const auto& h : p.headers) {
        const std::string name = ascii_lower(h.name);
        if (is_one_of(name, {"subject", "from"})) add(p.path, zone::attachment, h.text, true);
      }
    }
    add(p.path, zone::attachment, p.file_name, true);
    if (p.is_container) {
      if (p.type == "multipart/encrypted") refuse(p, "is encrypted");
      return;
    }
    leaf(p, is_attached ? zone::attachment : zone::body);
  }

  void refuse(const part& p, const std::string& why) {
    out_.unscannable_because.push_back("part " + p.path + ": " + p.type + " " + why);
  }

  void leaf(const part& p, zone where) {
    const std::string& type = p.type;
    if (p.body.empty() && p.text.empty()) return;
    if (const auto format = container_format(p.body); !format.empty()) {
      refuse(p, "(" + std::string{format} + ") cannot be read by this version");
    } else if (is_one_of(type, {"text/html", "text/x-amp-html", "application/xhtml+xml",
                                "image/svg+xml"})) {
      html(p, where);
    } else if (type.starts_with("text/")) {
      plain(p, where, p.text);
    } else if (type.starts_with("image/")) {
      ++out_.images;
    } else if (is_one_of(type, {"application/pgp-signature", "application/pkcs7-signature",
                                "application/x-pkcs7-signature"}) &&
               p.body.size() <= signature_octets_max) {
      return;
    } else if (type != "application/pgp-encrypted" && is_valid_utf8(p.body) &&
               p.body.find('\0') == std::string::npos) {
      plain(p, where == zone::body ? zone::attachment : where, p.body);
    } else {
      refuse(p, "cannot be read by this version");
    }
  }

  void plain(const part& p, zone where, std::string_view text) {
    if (is_uuencoded(text)) refuse(p, "holds uuencoded data");
    add(p.path, where, text);
    if (where == zone::body) out_.visible_letters += count_letters(text);
    for (const link& l : links_of_text(text)) keep_link(p, text, l);
  }

  void html(const part& p, zone where) {
    std::string_view source = p.text;
    if (source.empty()) {
      std::string label = "utf-8";
      out_.decoded.push_back(std::make_unique<std::string>(smtp::mime::to_utf8(p.body, label)));
      source = *out_.decoded.back();
    }
    out_.documents.push_back(std::make_unique<html_document>(read_html(source, limits_)));
    const html_document& d = *out_.documents.back();
    if (!d.unreadable.empty()) {
      refuse(p, "cannot be read: " + d.unreadable);
      add(p.path, where, source);  // what can be found in the raw text is found
      return;
    }
    limits_.tags_max -= d.tags;
    message_text visible{p.path, where, d.visible.text, source, &d.visible.map};
    message_text hidden{p.path, zone::hidden, d.hidden.text, source, &d.hidden.map};
    if (!visible.seen.empty()) out_.texts.push_back(visible);
    if (!hidden.seen.empty()) out_.texts.push_back(hidden);
    if (where == zone::body) {
      out_.visible_letters += count_letters(d.visible.text);
      out_.images += d.images;
    }
    out_.hidden_letters += count_letters(d.hidden.text);
    for (const html_link& l : d.links) {
      keep_link(p, source, make_link(l.target, l.text, l.begin, l.end));
    }
  }

  void keep_link(const part& p, std::string_view original, const link& l) {
    if (!urls_.insert(l.url).second) return;
    if (out_.kept_links.size() == links_scanned_max) {
      if (!too_many_links_) out_.unscannable_because.push_back("more than 5000 different links");
      too_many_links_ = true;
      return;
    }
    out_.links.emplace_back(p.path, l);
    out_.kept_links.push_back(std::make_unique<link>(l));
    out_.texts.push_back({p.path, zone::link, out_.kept_links.back()->url, original, nullptr, false,
                          true, l.begin, l.end});
  }

  const walked_message& mail_;
  html_limits limits_;  // what is left of them
  message_texts out_;
  std::set<std::string> nested_;
  std::set<std::string> urls_;
  bool too_many_links_ = false;
};

}  // namespace

message_texts gather_texts(const walked_message& mail, const html_limits& limits) {
  return gathering{mail, limits}.run();
}

}  // namespace consentry::filters

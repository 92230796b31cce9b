#include "filters/message_texts.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <span>
#include <utility>

#include "base/text.h"
#include "filters/reader/file_kind.h"
#include "filters/reader/uu_files.h"
#include "filters/turned_text.h"
#include "smtp/mime/header_text.h"

namespace consentry::filters {
namespace {

using reader::file_kind;
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

// A piece that is no container: a part of the message, or a file in the midst of a text.
struct leaf_part {
  std::string path;
  zone where = zone::body;
  std::string_view type;
  std::string_view name;
  std::string_view body;
  std::string_view text;  // of text parts: body in UTF-8
  unsigned enclosed = 0;  // messages around it
};

bool is_html_type(std::string_view type) {
  return is_one_of(type,
                   {"text/html", "text/x-amp-html", "application/xhtml+xml", "image/svg+xml"});
}

// Marks that a program shows as bold or slanted letters, or not at all: they cut no word.
mapped_text without_marks(std::string_view markdown) {
  constexpr std::string_view marks = "*_~`\\";
  mapped_text out;
  for (std::size_t at = 0; at < markdown.size();) {
    const std::size_t end = std::min(markdown.find_first_of(marks, at), markdown.size());
    if (end > at) out.append(markdown.substr(at, end - at), at, end - at);
    at = std::min(markdown.find_first_not_of(marks, end), markdown.size());
  }
  return out;
}

bool is_signature(const leaf_part& p) {
  return is_one_of(p.type, {"application/pgp-signature", "application/pkcs7-signature",
                            "application/x-pkcs7-signature"}) &&
         p.body.size() <= signature_octets_max;
}

class gathering {
 public:
  gathering(const walked_message& mail, const html_limits& limits,
            const attachment_access& attachments)
      : mail_{mail}, limits_{limits}, reader_{attachments.reader}, left_{attachments.limits} {}

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
    if (text.empty()) return;
    out_.texts.push_back({path, where, text, text, nullptr, is_title});
    if (turns_itself(text)) add_drawn(out_.texts.back());
  }

  // A text that is drawn in another order than it is written in is read both ways: not every
  // program draws it so.
  void add_drawn(const message_text& t,
                 std::span<const std::pair<std::size_t, std::size_t>> turned = {}) {
    add_changed(t, as_drawn(t.seen, t.map, turned));
  }
  void add_changed(message_text t, mapped_text seen) {
    out_.changed.push_back(std::make_unique<mapped_text>(std::move(seen)));
    t.seen = out_.changed.back()->text;
    t.map = &out_.changed.back()->map;
    out_.texts.push_back(std::move(t));
  }

  std::string_view kept(std::string text) {
    out_.decoded.push_back(std::make_unique<std::string>(std::move(text)));
    return *out_.decoded.back();
  }

  void headers() {
    for (const auto& h : mail_.headers) {
      const std::string name = ascii_lower(h.name);
      if (name == "subject") {
        add("0", zone::subject, h.text, true);
      } else if (is_one_of(name, {"from", "sender", "reply-to", "to", "cc", "organization",
                                  "comments", "keywords", "list-id", "thread-topic"})) {
        add("0", zone::header, h.text);
      }
    }
  }

  unsigned messages_around(const part& p) const {
    return static_cast<unsigned>(
        std::count_if(nested_.begin(), nested_.end(), [&](const std::string& outer) {
          return outer == "0" ? p.path != "0" : p.path.starts_with(outer + ".");
        }));
  }

  void one_part(const part& p) {
    const unsigned enclosed = messages_around(p);
    const bool is_attached = enclosed > 0 || p.disposition == "attachment" || !p.file_name.empty();
    if (enclosed > 0) {
      for (const auto& h : p.headers) {
        const std::string name = ascii_lower(h.name);
        if (is_one_of(name, {"subject", "from"})) add(p.path, zone::attachment, h.text, true);
      }
    }
    for (const auto& h : p.headers) {
      if (ascii_iequals(h.name, "content-description")) add(p.path, zone::attachment, h.text, true);
    }
    add(p.path, zone::attachment, p.file_name, true);
    if (p.is_container) {
      if (p.type == "multipart/encrypted") refuse(p.path, p.type, "is encrypted");
      if (nested_.contains(p.path) && enclosed + 1 > left_.depth_max)
        refuse(p.path, p.type, "is nested too deeply");
      add(p.path, zone::hidden, p.text);
      return;
    }
    leaf({p.path, is_attached ? zone::attachment : zone::body, p.type, p.file_name, p.body, p.text,
          enclosed});
  }

  void refuse(const std::string& path, std::string_view type, const std::string& why) {
    std::string text = "part " + path + ": ";
    if (!type.empty()) text.append(type) += ' ';
    out_.unscannable_because.push_back(text + why);
  }

  void leaf(const leaf_part& p) {
    if (p.body.empty() && p.text.empty()) return;
    // Octets of no known form, labelled as text, are shown as text.
    auto content = p.text.empty() ? reader::kind_of_content(p.body) : reader::kind_of_head(p.body);
    if (content == file_kind::unknown && !p.text.empty()) content = file_kind::text;
    const bool is_text = reader::agrees(file_kind::text, content);
    if (is_signature(p) && (is_text || content == file_kind::unknown)) return;
    if (is_text && p.type != "application/pgp-encrypted") {
      text_leaf(p);
    } else if (content == file_kind::image) {
      if (auto why = reader::mismatch(content, p.type, p.name); !why.empty())
        refuse(p.path, "", why);
      ++out_.images;
    } else {
      have_read(p, p.body);
    }
  }

  void text_leaf(const leaf_part& p) {
    const auto type = p.type.starts_with("text/") ? std::string_view{} : p.type;
    if (auto why = reader::mismatch(file_kind::text, type, p.name); !why.empty())
      refuse(p.path, "", why);
    std::string label = std::string_view{p.body}.starts_with("\xFF\xFE") ? "utf-16le" : "utf-8";
    const std::string_view text =
        p.text.empty() ? kept(smtp::mime::to_utf8(p.body, label)) : p.text;
    if (is_html_type(p.type)) return html(p.path, p.where, text);
    // Programs that do not know these show them as they stand.
    if (is_one_of(p.type, {"text/enriched", "text/richtext"})) html(p.path, p.where, text);
    if (is_one_of(p.type, {"text/markdown", "text/x-markdown"})) {
      add_changed({p.path, p.where, text, text}, without_marks(text));
    }
    if (p.where == zone::body && p.type == "text/plain") return plain(p, text);
    const auto kind = reader::kind_of_file(text, p.type, p.name);
    if (kind == file_kind::html) {
      html(p.path, p.where, text);
    } else if (kind == file_kind::text || reader_ == nullptr ||
               (kind == file_kind::markup && p.where == zone::body)) {
      plain(p, text);
    } else {
      have_read(p, text);
    }
  }

  // By the reader; what it found has its place below the part.
  void have_read(const leaf_part& p, std::string_view bytes) {
    if (reader_ == nullptr) return refuse(p.path, p.type, "cannot be read here");
    if (left_.time_ms == 0) return refuse(p.path, p.type, "takes too long to read");
    if (p.enclosed >= left_.depth_max) return refuse(p.path, p.type, "is nested too deeply");
    reader::read_request request{std::string{p.type}, std::string{p.name}, std::string{bytes},
                                 left_};
    request.limits.depth_max -= p.enclosed;
    const auto begin = std::chrono::steady_clock::now();
    auto found = reader_->read(request);
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now() - begin);
    left_.time_ms -= std::min(left_.time_ms, static_cast<std::uint32_t>(took.count()));
    left_.unpacked_max -= std::min(left_.unpacked_max, found.unpacked);
    const auto at = [&](const std::string& inner) {
      return inner.empty() ? p.path : p.path + "/" + inner;
    };
    for (const auto& u : found.unreadable) refuse(at(u.path), u.path.empty() ? p.type : "", u.why);
    for (auto& i : found.items) take(p, at(i.path), i);
  }

  void take(const leaf_part& p, const std::string& path, reader::read_item& i) {
    const std::string_view text = kept(std::move(i.text));
    // What a calendar says of its event is shown in the mail; documents are opened.
    const bool is_shown = p.where == zone::body && p.type.starts_with("text/");
    const zone where = is_shown ? zone::body : zone::attachment;
    switch (i.kind) {
      case reader::item_kind::html:
        return html(path, where, text);
      case reader::item_kind::title:
        return add(path, zone::attachment, text, true);
      case reader::item_kind::text:
        add(path, where, text);
        if (where == zone::body) out_.visible_letters += count_letters(text);
        for (const link& l : links_of_text(text)) keep_link(path, text, l);
    }
  }

  void plain(const leaf_part& p, std::string_view text) {
    add(p.path, p.where, text);
    if (p.where == zone::body) out_.visible_letters += count_letters(text);
    for (const link& l : links_of_text(text)) keep_link(p.path, text, l);
    for (auto& f : reader::uu_files(text, left_.unpacked_max)) {
      const std::string_view name = kept(std::move(f.name));
      const std::string path = p.path + "/" + printable(name, 255);
      if (!f.problem.empty()) refuse(path, "", f.problem);
      add(path, zone::attachment, name, true);
      leaf({path, zone::attachment, {}, name, kept(std::move(f.bytes)), {}, p.enclosed});
    }
  }

  void html(const std::string& path, zone where, std::string_view source) {
    out_.documents.push_back(std::make_unique<html_document>(read_html(source, limits_)));
    const html_document& d = *out_.documents.back();
    if (!d.unreadable.empty()) {
      refuse(path, "text/html", "cannot be read: " + d.unreadable);
      add(path, where, source);  // what can be found in the raw text is found
      return;
    }
    limits_.tags_max -= d.tags;
    out_.sources.push_back({path, where, source, source});
    message_text visible{path, where, d.visible.text, source, &d.visible.map};
    message_text hidden{path, zone::hidden, d.hidden.text, source, &d.hidden.map};
    if (!visible.seen.empty()) out_.texts.push_back(visible);
    if (!hidden.seen.empty()) out_.texts.push_back(hidden);
    if (!d.turned.empty() || turns_itself(visible.seen)) add_drawn(visible, d.turned);
    if (where == zone::body) {
      out_.visible_letters += count_letters(d.visible.text);
      out_.images += d.images;
    }
    out_.hidden_letters += count_letters(d.hidden.text);
    for (const html_link& l : d.links) {
      keep_link(path, source, make_link(l.target, l.text, l.begin, l.end));
    }
  }

  void keep_link(const std::string& path, std::string_view original, const link& l) {
    if (!urls_.insert(l.url).second) return;
    if (out_.kept_links.size() == links_scanned_max) {
      if (!too_many_links_) out_.unscannable_because.push_back("more than 5000 different links");
      too_many_links_ = true;
      return;
    }
    out_.links.emplace_back(path, l);
    out_.kept_links.push_back(std::make_unique<link>(l));
    out_.texts.push_back({path, zone::link, out_.kept_links.back()->url, original, nullptr, false,
                          true, l.begin, l.end});
  }

  const walked_message& mail_;
  html_limits limits_;  // what is left of them
  const attachment_reader* reader_;
  reader::read_limits left_;
  message_texts out_;
  std::set<std::string> nested_;
  std::set<std::string> urls_;
  bool too_many_links_ = false;
};

}  // namespace

message_texts gather_texts(const walked_message& mail, const html_limits& limits,
                           const attachment_access& attachments) {
  return gathering{mail, limits, attachments}.run();
}

}  // namespace consentry::filters

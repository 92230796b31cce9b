#include "filters/reader/file_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <utility>
#include <vector>

#include "base/text.h"
#include "filters/reader/archive_files.h"
#include "filters/reader/calendar_text.h"
#include "filters/reader/file_kind.h"
#include "filters/reader/markup_text.h"
#include "filters/reader/office_text.h"
#include "filters/reader/pdf_text.h"
#include "filters/reader/read_context.h"
#include "filters/reader/rtf_text.h"
#include "filters/reader/uu_files.h"
#include "smtp/mime/header_text.h"
#include "smtp/mime/mime_walk.h"

namespace consentry::filters::reader {
namespace {

constexpr std::size_t path_octets_max = 500;
constexpr std::size_t letters_of_a_document = 12;

// Of the name of a file: no control characters, of a length to be shown.
std::string joined(const std::string& path, std::string_view name) {
  std::string out = path;
  if (!path.empty() && !name.empty()) out += '/';
  out += printable(name, 255);
  return out.substr(0, path_octets_max);
}

struct file {
  std::string_view bytes;
  std::string path;
  std::string type;
  std::string name;
};

class reading_files {
 public:
  explicit reading_files(const read_limits& limits) : context_{limits} {}

  reading run(const read_request& r) {
    try {
      one({r.bytes, {}, r.type, r.name}, 1);
    } catch (const reading_stopped& why) {
      context_.refuse({}, why.what());
    } catch (const std::bad_alloc&) {
      context_.refuse({}, "needs more memory than it may have");
    }
    return context_.take();
  }

 private:
  void one(const file& f, unsigned depth) {
    context_.look_at_clock();
    if (f.bytes.empty()) return;
    const auto kind = kind_of_file(f.bytes, f.type, f.name);
    if (auto why = mismatch(kind_of_content(f.bytes), f.type, f.name); !why.empty())
      context_.refuse(f.path, std::move(why));
    switch (kind) {
      case file_kind::text:
        return text(f, item_kind::text, depth);
      case file_kind::html:
        return text(f, item_kind::html, depth);
      case file_kind::markup:
        markup(f);
        return text(f, item_kind::text, depth);
      case file_kind::calendar:
      case file_kind::card:
        return calendar(f, depth);
      case file_kind::message:
        return message(f, depth);
      case file_kind::rtf:
        return rtf(f);
      case file_kind::pdf:
        return pdf(f, depth);
      case file_kind::zip:
      case file_kind::gzip:
      case file_kind::tar:
        return archive(f, kind, depth);
      case file_kind::image:
        return;  // the message counts its pictures
      default:
        context_.refuse(f.path, fmt::format("is {}, which is not read", words_for(kind)));
    }
  }

  void nested(const std::string& path, std::string_view name, std::string_view bytes,
              unsigned depth, std::string type = {}) {
    if (depth > context_.limits().depth_max)
      throw reading_stopped{
          fmt::format("is nested deeper than {} levels", context_.limits().depth_max)};
    const auto base = name.substr(std::min(name.size(), name.rfind('/') + 1));
    one({bytes, joined(path, name), std::move(type), std::string{base}}, depth);
  }

  void text(const file& f, item_kind kind, unsigned depth) {
    std::string label;
    if (f.bytes.starts_with("\xFF\xFE")) label = "utf-16le";
    if (f.bytes.starts_with("\xFE\xFF")) label = "utf-16be";
    auto decoded = smtp::mime::to_utf8(f.bytes, label);
    const auto inside = uu_files(decoded, context_.left());
    context_.add(kind, f.path, std::move(decoded));
    for (const auto& u : inside) {
      context_.count_entry();
      context_.use(u.bytes.size());
      if (!u.problem.empty()) context_.refuse(joined(f.path, u.name), u.problem);
      context_.add(item_kind::title, joined(f.path, u.name), u.name);
      nested(f.path, u.name, u.bytes, depth + 1);
    }
  }

  // A document may be one file of XML. What is broken is text all the same.
  void markup(const file& f) {
    auto m = text_of_markup(f.bytes, context_.left());
    if (m.problem.find("entities") != std::string::npos) context_.refuse(f.path, m.problem);
    context_.add(item_kind::text, f.path, std::move(m.text));
  }

  void calendar(const file& f, unsigned depth) {
    std::string label = f.bytes.starts_with("\xFF\xFE")   ? "utf-16le"
                        : f.bytes.starts_with("\xFE\xFF") ? "utf-16be"
                                                          : "utf-8";
    const auto c = read_calendar(smtp::mime::to_utf8(f.bytes, label));
    context_.add(item_kind::text, f.path, c.text);
    for (const auto& bytes : c.attached) {
      context_.count_entry();
      context_.use(bytes.size());
      nested(f.path, "attached", bytes, depth + 1);
    }
  }

  void message(const file& f, unsigned depth) {
    const auto mail = smtp::mime::walk(f.bytes);
    for (const char* name : {"subject", "from"})
      if (const auto* h = mail.header(name)) context_.add(item_kind::title, f.path, h->text);
    if (mail.unscannable)
      context_.refuse(f.path, mail.problems.empty() ? "is broken" : mail.problems.front());
    for (const auto& p : mail.parts) {
      context_.count_entry();
      const auto path = joined(f.path, p.path);
      context_.add(item_kind::title, path, p.file_name);
      if (p.is_container && p.type == "multipart/encrypted") context_.refuse(path, "is encrypted");
      if (p.is_container) context_.add(item_kind::text, path, p.text);
      if (p.is_container || (p.body.empty() && p.text.empty())) continue;
      const bool is_text = !p.text.empty() && agrees(file_kind::text, kind_of_content(p.body));
      const std::string_view bytes = is_text ? p.text : p.body;
      context_.use(bytes.size());
      nested(path, p.file_name, bytes, depth + 1, p.type);
    }
  }

  void rtf(const file& f) {
    auto r = read_rtf(f.bytes, context_.left());
    if (!r.problem.empty()) context_.refuse(f.path, r.problem);
    if (r.has_pictures && r.letters < letters_of_a_document)
      context_.refuse(f.path, "holds pictures only");
    context_.add(item_kind::text, f.path, std::move(r.text));
  }

  void pdf(const file& f, unsigned depth) {
    read_pdf(f.bytes, f.path, context_, [&](std::string name, std::string bytes) {
      context_.add(item_kind::title, joined(f.path, name), name);
      nested(f.path, name.empty() ? "embedded" : name, bytes, depth + 1);
    });
  }

  void archive(const file& f, file_kind kind, unsigned depth) {
    std::vector<archived_file> files;
    auto why = each_archived_file(f.bytes, kind, context_,
                                  [&](archived_file& inner) { files.push_back(std::move(inner)); });
    if (!why.empty()) context_.refuse(f.path, std::move(why));
    if (kind == file_kind::zip && is_office_package(files)) {
      read_office_package(files, f.path, context_, [&](archived_file& inner) {
        nested(f.path, inner.name, inner.bytes, depth + 1);
      });
      return;
    }
    for (auto& inner : files) {
      context_.add(item_kind::title, joined(f.path, inner.name), inner.name);
      if (inner.is_picture) continue;
      nested(f.path, inner.name, inner.bytes, depth + 1);
      inner.bytes = {};
    }
  }

  read_context context_;
};

}  // namespace

reading read_file(const read_request& request) {
  return reading_files{request.limits}.run(request);
}

}  // namespace consentry::filters::reader

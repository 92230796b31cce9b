#include "smtp/mime/mime_walk.h"

#include <algorithm>
#include <tuple>

#include "base/text.h"
#include "smtp/mime/header_text.h"
#include "smtp/mime/line_scan.h"
#include "smtp/mime/transfer_decoding.h"

namespace consentry::smtp::mime {
namespace {

constexpr std::size_t problems_max = 100;

const header_field* first_of(const std::vector<header_field>& fields, std::string_view name) {
  for (const auto& f : fields)
    if (ascii_iequals(f.name, name)) return &f;
  return nullptr;
}

bool is_enclosed_message(std::string_view type) noexcept {
  return type == "message/rfc822" || type == "message/global" || type == "message/news" ||
         type == "message/partial" || type == "message/external-body";
}

bool is_encoding_identity(std::string_view encoding) noexcept {
  return encoding == "7bit" || encoding == "8bit" || encoding == "binary";
}

// Of HTML without a charset label (the browser looks there too).
std::string charset_of_html(std::string_view body) {
  const std::string head = ascii_lower(body.substr(0, 2048));
  auto at = head.find("charset=");
  if (at == std::string::npos) return {};
  at += 8;
  while (at < head.size() && (head[at] == '"' || head[at] == '\'')) ++at;
  return head.substr(at, head.find_first_of("\"' />;", at) - at);
}

struct source {
  line_scan lines;
  std::size_t base = 0;  // added to every place
  bool is_exact = true;  // false: a decoded copy, every place is base
  std::size_t at(std::size_t pos) const noexcept { return is_exact ? base + pos : base; }
};

class walker {
 public:
  explicit walker(const walk_limits& limits) noexcept : limits_{limits} {}

  walked_message run(std::string_view message) {
    if (message.size() > limits_.message_bytes_max) {
      doubt("0", "message larger than " + human_bytes(limits_.message_bytes_max));
      message = message.substr(0, limits_.message_bytes_max);
    }
    source src{line_scan{message}};
    boundary_stack boundaries;
    entity(src, 0, "0", 0, "text/plain", boundaries);
    out_.headers = out_.parts.front().headers;
    return std::move(out_);
  }

 private:
  void note(const std::string& path, const std::string& what) {
    if (out_.problems.size() < problems_max) out_.problems.push_back("part " + path + ": " + what);
  }
  // Not all that a recipient may see was read.
  void doubt(const std::string& path, const std::string& what) {
    note(path, what);
    out_.unscannable = true;
  }

  // Reads one entity from its header on. Returns where it stopped: the boundary line that ended it,
  // or the end.
  std::size_t entity(const source& src, std::size_t pos, const std::string& path, unsigned depth,
                     std::string_view default_type, boundary_stack& boundaries) {
    if (out_.parts.size() >= limits_.parts_max) {
      if (!is_full_) doubt(path, "more than " + std::to_string(limits_.parts_max) + " parts");
      is_full_ = true;
      return src.lines.all().size();
    }
    const std::size_t index = out_.parts.size();
    out_.parts.emplace_back();
    out_.parts[index].path = path;
    out_.parts[index].depth = depth;
    header_block block = read_header_block(src.lines, pos, boundaries, limits_);
    for (const auto& p : block.problems) note(path, p);
    if (block.is_incomplete) out_.unscannable = true;
    for (auto& f : block.fields) f.offset = src.at(f.offset);
    out_.parts[index].headers = std::move(block.fields);
    content_fields(out_.parts[index], default_type);
    const std::string type = out_.parts[index].type;
    const bool may_enter = depth < limits_.depth_max;
    if (type.starts_with("multipart/") && !block.ended_at_boundary) {
      if (may_enter && has_usable_boundary(out_.parts[index]))
        return multipart(src, block.end, index, boundaries);
    } else if (is_enclosed_message(type) && may_enter) {
      return enclosed(src, block.end, index, boundaries);
    }
    if (!may_enter && (type.starts_with("multipart/") || is_enclosed_message(type)))
      doubt(path, "nested deeper than " + std::to_string(limits_.depth_max) + " levels");
    return leaf(src, block.end, index, boundaries);
  }

  void content_fields(part& p, std::string_view default_type) {
    for (const char* name : {"Content-Type", "Content-Transfer-Encoding", "Content-Disposition"}) {
      const header_field* first = nullptr;
      for (const auto& f : p.headers) {
        if (!ascii_iequals(f.name, name)) continue;
        if (first && trim(first->raw) != trim(f.raw))
          doubt(p.path, std::string{"two different "} + name + " fields");
        if (!first) first = &f;
      }
    }
    if (const auto* f = first_of(p.headers, "Content-Type")) {
      std::tie(p.type, p.params) = parse_parameters(f->raw);
      if (std::count(p.type.begin(), p.type.end(), '/') != 1 || p.type.front() == '/' ||
          p.type.back() == '/') {
        if (!p.type.empty()) note(p.path, "unreadable content type " + printable(p.type, 60));
        p.type = "text/plain";
      }
    } else {
      p.type = default_type;
    }
    std::string name;
    if (const auto* f = first_of(p.headers, "Content-Disposition")) {
      auto parsed = parse_parameters(f->raw);
      p.disposition = std::move(parsed.first);
      name = std::move(parsed.second["filename"]);
    }
    if (name.empty()) {
      const auto found = p.params.find("name");
      if (found != p.params.end()) name = found->second;
    }
    p.file_name = std::move(name);
    p.transfer_encoding = "7bit";
    if (const auto* f = first_of(p.headers, "Content-Transfer-Encoding")) {
      std::string encoding = parse_parameters(f->raw).first;
      if (!encoding.empty()) p.transfer_encoding = std::move(encoding);
    }
  }

  bool has_usable_boundary(part& p) {
    std::string& boundary = p.params["boundary"];
    while (!boundary.empty() && (boundary.back() == ' ' || boundary.back() == '\t'))
      boundary.pop_back();
    if (boundary.empty()) {
      doubt(p.path, "multipart without a boundary");
      return false;
    }
    if (boundary.size() > limits_.boundary_bytes_max) {
      doubt(p.path, "boundary longer than " + std::to_string(limits_.boundary_bytes_max));
      return false;
    }
    if (boundary.size() > 70) note(p.path, "boundary longer than 70 characters");
    return true;
  }

  static std::string child_path(const std::string& path, unsigned number) {
    std::string prefix = path;
    if (prefix == "0")
      prefix.clear();
    else if (prefix.ends_with(".0"))
      prefix.resize(prefix.size() - 1);
    else
      prefix.push_back('.');
    return prefix + std::to_string(number);
  }

  std::size_t multipart(const source& src, const std::size_t begin, std::size_t index,
                        boundary_stack& boundaries) {
    const std::string path = out_.parts[index].path;
    const unsigned depth = out_.parts[index].depth;
    const std::size_t level = boundaries.size();
    const std::string_view default_type =
        out_.parts[index].type == "multipart/digest" ? "message/rfc822" : "text/plain";
    boundaries.push(out_.parts[index].params["boundary"]);
    unsigned children = 0;
    bool is_closed = false;
    bool goes_on = false;
    bool is_doubtful = false;
    std::string outside;
    std::size_t pos = begin;
    while (!src.lines.at_end(pos) && !is_full_) {
      const raw_line line = src.lines.at(pos);
      const auto found = boundaries.find(src.lines.of(line), is_doubtful);
      if (found && found->level < level) break;
      pos = line.next;
      if (!found) {
        outside.append(src.lines.of(line)).append("\n");
        continue;
      }
      if (found->is_close) {
        is_closed = true;
        continue;
      }
      bool unused = false;
      const auto again = src.lines.at_end(pos)
                             ? std::nullopt
                             : boundaries.find(src.lines.of(src.lines.at(pos)), unused);
      if (again && again->level == level && !again->is_close) continue;  // an empty part
      goes_on = goes_on || is_closed;
      pos = entity(src, pos, child_path(path, ++children), depth + 1, default_type, boundaries);
    }
    boundaries.pop();
    if (is_doubtful) doubt(path, "a line that only begins like a boundary");
    if (children == 0) {
      doubt(path, "the boundary of the multipart does not occur");
      return leaf(src, begin, index, boundaries);
    }
    part& p = out_.parts[index];
    p.is_container = true;
    p.body_offset = src.at(begin);
    p.body_length = src.is_exact ? pos - begin : 0;
    std::string label = "utf-8";
    if (!trim(outside).empty()) p.text = to_utf8(outside, label);
    if (!is_closed) note(path, "the closing boundary is missing");
    if (goes_on) note(path, "parts go on behind the closing boundary");
    if (!is_encoding_identity(p.transfer_encoding))
      note(path, "multipart with transfer encoding " + printable(p.transfer_encoding, 40));
    if (p.type == "multipart/encrypted") doubt(path, "encrypted");
    return pos;
  }

  std::size_t enclosed(const source& src, std::size_t begin, std::size_t index,
                       boundary_stack& boundaries) {
    const std::string path = out_.parts[index].path;
    const std::string inner = path + ".0";
    const unsigned depth = out_.parts[index].depth;
    const std::string type = out_.parts[index].type;
    out_.parts[index].is_container = true;
    if (type == "message/partial") doubt(path, "a fragment of a message");
    if (type == "message/external-body") doubt(path, "the body is elsewhere");
    std::size_t end = begin;
    const std::string encoding = out_.parts[index].transfer_encoding;
    if (encoding == "base64" || encoding == "quoted-printable") {
      // RFC 2046 section 5.2.1 forbids it, readers decode it all the same.
      note(path, "enclosed message with transfer encoding " + encoding);
      const auto [body, stop] = body_range(src, begin, path, boundaries);
      const decoded_bytes decoded = decode(body, encoding, path);
      source copy{line_scan{decoded.bytes}, src.at(begin), false};
      boundary_stack none;
      entity(copy, 0, inner, depth + 1, "text/plain", none);
      end = stop;
    } else {
      end = entity(src, begin, inner, depth + 1, "text/plain", boundaries);
    }
    out_.parts[index].body_offset = src.at(begin);
    out_.parts[index].body_length = src.is_exact ? end - begin : 0;
    return end;
  }

  // The body that begins there, and where the boundary line (or the end) stands behind it.
  std::pair<std::string_view, std::size_t> body_range(const source& src, std::size_t begin,
                                                      const std::string& path,
                                                      const boundary_stack& boundaries) {
    const std::string_view all = src.lines.all();
    begin = std::min(begin, all.size());
    if (boundaries.size() == 0) return {all.substr(begin), all.size()};
    bool is_doubtful = false;
    std::size_t pos = begin;
    bool is_ended = false;
    while (!src.lines.at_end(pos) && !is_ended) {
      const raw_line line = src.lines.at(pos);
      is_ended = boundaries.find(src.lines.of(line), is_doubtful).has_value();
      if (!is_ended) pos = line.next;
    }
    if (is_doubtful) doubt(path, "a line that only begins like a boundary");
    // Where the closing boundary is missing, the last line end is taken for its.
    const std::size_t end = src.lines.before_line_end(pos, begin);
    return {all.substr(begin, end - begin), pos};
  }

  decoded_bytes decode(std::string_view body, std::string_view encoding, const std::string& path) {
    const std::size_t left =
        limits_.decoded_bytes_max - std::min(decoded_, limits_.decoded_bytes_max);
    decoded_bytes out;
    if (encoding == "base64") {
      out = decode_base64(body, left);
    } else if (encoding == "quoted-printable") {
      out = decode_quoted_printable(body, left);
    } else if (encoding == "x-uuencode" || encoding == "uuencode" || encoding == "x-uue" ||
               encoding == "uue") {
      out = decode_uuencode(body, left);
    } else {
      out.bytes = body.substr(0, left);
      if (body.size() > left) {
        out.problem = "too much content in all";
        out.in_doubt = true;
      } else if (encoding.starts_with('7') || encoding.starts_with('8')) {
        if (!is_encoding_identity(encoding))
          out.problem = "unusual transfer encoding " + printable(encoding, 40);
      } else if (encoding != "binary") {
        out.problem = "unknown transfer encoding " + printable(encoding, 40);
        out.in_doubt = true;
      }
    }
    if (out.in_doubt)
      doubt(path, out.problem);
    else if (!out.problem.empty())
      note(path, out.problem);
    decoded_ += out.bytes.size();
    return out;
  }

  std::size_t leaf(const source& src, std::size_t begin, std::size_t index,
                   const boundary_stack& boundaries) {
    part& p = out_.parts[index];
    const auto [body, stop] = body_range(src, begin, p.path, boundaries);
    p.body_offset = src.at(std::min(begin, src.lines.all().size()));
    p.body_length = src.is_exact ? body.size() : 0;
    p.body = decode(body, p.transfer_encoding, p.path).bytes;
    const bool reads_as_text = p.type.starts_with("text/") || p.type.starts_with("message/") ||
                               p.type.starts_with("multipart/");
    if (reads_as_text) {
      const auto label = p.params.find("charset");
      if (label != p.params.end()) p.charset = label->second;
      if (p.charset.empty() && p.type == "text/html") p.charset = charset_of_html(p.body);
      p.text = to_utf8(p.body, p.charset);
      decoded_ += p.text.size() > p.body.size() ? p.text.size() - p.body.size() : 0;
    }
    mark_unreadable(p);
    return stop;
  }

  // Content that this walk cannot open, in forms that carry text past a scanner.
  void mark_unreadable(const part& p) {
    if (p.type == "application/ms-tnef" || p.type == "application/vnd.ms-tnef" ||
        ascii_iequals(p.file_name, "winmail.dat"))
      doubt(p.path, "TNEF content (winmail.dat) cannot be read");
    if (p.type == "application/pkcs7-mime" || p.type == "application/x-pkcs7-mime")
      doubt(p.path, "S/MIME content cannot be read");
    // RFC 1741: "(This file must be converted with BinHex 4.0)".
    if (p.type == "application/mac-binhex40" || p.type == "application/mac-binhex" ||
        p.type == "application/binhex" ||
        p.body.find("must be converted with BinHex") != p.body.npos)
      doubt(p.path, "BinHex content cannot be read");
    if (p.type != "text/plain") return;
    if (p.body.find("-----BEGIN PGP MESSAGE-----") != std::string::npos)
      doubt(p.path, "PGP content cannot be read");
    if (p.body.starts_with("=ybegin ") || p.body.find("\n=ybegin ") != std::string::npos)
      doubt(p.path, "yEnc content inside the text");
  }

  const walk_limits& limits_;
  walked_message out_;
  std::size_t decoded_ = 0;
  bool is_full_ = false;
};

}  // namespace

const header_field* walked_message::header(std::string_view name) const noexcept {
  return first_of(headers, name);
}

std::size_t walked_message::count(std::string_view name) const noexcept {
  return static_cast<std::size_t>(
      std::count_if(headers.begin(), headers.end(),
                    [name](const header_field& f) { return ascii_iequals(f.name, name); }));
}

walked_message walk(std::string_view message, const walk_limits& limits) {
  return walker{limits}.run(message);
}

}  // namespace consentry::smtp::mime

// Everything in a message that a reader may come to see, as texts of a zone, each with its place.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "filters/attachment_reader.h"
#include "filters/finding.h"
#include "filters/html_text.h"
#include "filters/link_extract.h"
#include "filters/offset_map.h"
#include "smtp/mime/mime_walk.h"

namespace consentry::filters {

struct message_text {
  // MIME path; "0": header of the message; "2/inner.zip/letter.docx": a file in an attachment
  std::string part;
  zone where = zone::body;
  std::string_view seen;            // what is scanned
  std::string_view original;        // what offsets speak of
  const offset_map* map = nullptr;  // from seen to original; nullptr: they are the same
  bool is_title = false;            // a subject or a file name: it speaks of all the rest
  // A link: every hit stands for the attribute [begin, end) of the original.
  bool is_whole = false;
  std::size_t begin = 0;
  std::size_t end = 0;

  std::pair<std::size_t, std::size_t> place(std::size_t from, std::size_t to) const noexcept {
    if (is_whole) return {begin, end};
    return map == nullptr ? std::pair{from, to} : map->original(from, to);
  }
};

// Views into the message and into what is kept here; both must outlive the texts.
struct message_texts {
  std::vector<message_text> texts;
  std::vector<std::pair<std::string, link>> links;  // part, link; each URL once
  std::vector<message_text> sources;                // HTML as it was written
  std::vector<std::string> unscannable_because;
  std::size_t visible_letters = 0;  // of the bodies
  std::size_t hidden_letters = 0;
  std::size_t images = 0;

  std::vector<std::unique_ptr<html_document>> documents;
  std::vector<std::unique_ptr<std::string>> decoded;
  std::vector<std::unique_ptr<link>> kept_links;
  std::vector<std::unique_ptr<mapped_text>> changed;  // texts as programs show them
};

// Who reads attachments, and how much of all attachments of a message together (RULES F9).
struct attachment_access {
  const attachment_reader* reader = nullptr;  // nullptr: what is no text is not read
  reader::read_limits limits;
};

message_texts gather_texts(const smtp::mime::walked_message& mail, const html_limits& limits,
                           const attachment_access& attachments = {});

}  // namespace consentry::filters

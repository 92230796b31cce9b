// What a file is: by its content, by its name, by its label.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace consentry::filters::reader {

enum class file_kind : std::uint8_t {
  unknown,  // as a claim: says nothing; as content: octets that are no text and have no known head
  text,
  html,
  calendar,
  card,
  markup,   // XML that is no HTML
  message,  // message/rfc822 and what looks like one
  pdf,
  zip,     // every office document of today is one
  office,  // a claim only: programs tell the format by its content themselves
  rtf,
  gzip,
  tar,
  image,
  svg,    // a claim only: its content is HTML
  media,  // sound and film
  ole,    // DOC, XLS, PPT and MSG of old; encrypted DOCX
  tnef,
  archive,  // RAR, 7z and others that are not opened
  program,
};

// "a PDF document": for reasons that people read.
std::string_view words_for(file_kind kind) noexcept;

// By magic numbers alone; unknown: none, so that it may be text. Looks at the first KiB.
file_kind kind_of_head(std::string_view bytes);
// By content alone: magic numbers, else text or unknown.
file_kind kind_of_content(std::string_view bytes);
// What the file says it is; unknown: nothing that binds ("application/octet-stream", ".bin").
file_kind kind_of_type(std::string_view type);
file_kind kind_of_name(std::string_view name);

// Whether a program that believes the claim sees what we see.
bool agrees(file_kind claim, file_kind content) noexcept;

// Kind to read the file by: the content's, refined by claims where it is text.
file_kind kind_of_file(std::string_view bytes, std::string_view type, std::string_view name);
// "is labelled image/png, but holds a PDF document"; empty: no claim is broken.
std::string mismatch(file_kind content, std::string_view type, std::string_view name);

// Text in any charset: no NUL but in UTF-16 and UTF-32, hardly any control characters.
bool looks_like_text(std::string_view bytes);

}  // namespace consentry::filters::reader

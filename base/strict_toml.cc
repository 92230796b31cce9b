#include "base/strict_toml.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <fstream>

namespace consentry {
namespace {

constexpr std::uintmax_t file_bytes_max = 8u << 20;

std::string with_article(toml::node_type type) {
  switch (type) {
    case toml::node_type::string:
      return "a string";
    case toml::node_type::integer:
      return "an integer";
    case toml::node_type::floating_point:
      return "a number";
    case toml::node_type::boolean:
      return "true or false";
    case toml::node_type::array:
      return "a list";
    case toml::node_type::table:
      return "a table";
    default:
      return "a date";
  }
}

}  // namespace

struct toml_section::node {
  std::shared_ptr<const toml::table> document;
  const toml::table* table = nullptr;  // nullptr: absent
  std::string file;
  std::string name;  // "[smtp]", "" for the top
  int line = 1;
  std::set<std::string, std::less<>> known;

  const toml::node* ask(std::string_view key) {
    known.emplace(key);
    return table == nullptr ? nullptr : table->get(key);
  }
};

toml_section::toml_section(std::shared_ptr<node> n) : node_{std::move(n)} {}

toml_section toml_section::from_text(std::string_view text, const std::string& name) {
  auto n = std::make_shared<node>();
  n->file = name;
  try {
    n->document = std::make_shared<const toml::table>(toml::parse(text, name));
  } catch (const toml::parse_error& e) {
    throw configuration_error(
        fmt::format("{}:{}: {}", name, e.source().begin.line, e.description()));
  }
  n->table = n->document.get();
  return toml_section{std::move(n)};
}

toml_section toml_section::from_file(const std::filesystem::path& file) {
  std::error_code error;
  const auto size = std::filesystem::file_size(file, error);
  if (error) throw configuration_error(file.string() + ": " + error.message());
  if (size > file_bytes_max) throw configuration_error(file.string() + ": larger than 8 MiB");
  std::ifstream in{file, std::ios::binary};
  std::string text(size, '\0');
  if (!in.read(text.data(), static_cast<std::streamsize>(size)))
    throw configuration_error(file.string() + ": cannot be read");
  return from_text(text, file.string());
}

bool toml_section::has(std::string_view key) const {
  return node_->table != nullptr && node_->table->contains(key);
}

std::string toml_section::text(std::string_view key, std::string otherwise) {
  const auto* v = node_->ask(key);
  if (v == nullptr) return otherwise;
  const auto* s = v->as_string();
  if (s == nullptr)
    fail(key, fmt::format("{} must be a string, not {}", key, with_article(v->type())));
  return s->get();
}

std::string toml_section::required_text(std::string_view key) {
  auto value = text(key, "");
  if (value.empty()) fail(key, fmt::format("{} is required", key));
  return value;
}

std::int64_t toml_section::integer(std::string_view key, std::int64_t otherwise, std::int64_t least,
                                   std::int64_t most) {
  const auto* v = node_->ask(key);
  if (v == nullptr) return otherwise;
  const auto* n = v->as_integer();
  if (n == nullptr)
    fail(key, fmt::format("{} must be an integer, not {}", key, with_article(v->type())));
  if (n->get() < least || n->get() > most)
    fail(key, fmt::format("{} must be between {} and {}, not {}", key, least, most, n->get()));
  return n->get();
}

double toml_section::number(std::string_view key, double otherwise, double least, double most) {
  const auto* v = node_->ask(key);
  if (v == nullptr) return otherwise;
  const auto n = v->is_number() ? v->value<double>() : std::nullopt;
  if (!n) fail(key, fmt::format("{} must be a number, not {}", key, with_article(v->type())));
  if (!(*n >= least && *n <= most))
    fail(key, fmt::format("{} must be between {} and {}, not {}", key, least, most, *n));
  return *n;
}

bool toml_section::flag(std::string_view key, bool otherwise) {
  const auto* v = node_->ask(key);
  if (v == nullptr) return otherwise;
  const auto* b = v->as_boolean();
  if (b == nullptr)
    fail(key, fmt::format("{} must be true or false, not {}", key, with_article(v->type())));
  return b->get();
}

std::vector<std::string> toml_section::texts(std::string_view key) {
  const auto* v = node_->ask(key);
  if (v == nullptr) return {};
  const auto* list = v->as_array();
  if (list == nullptr)
    fail(key, fmt::format("{} must be a list of strings, not {}", key, with_article(v->type())));
  std::vector<std::string> out;
  for (const auto& e : *list) {
    const auto* s = e.as_string();
    if (s == nullptr) fail(key, fmt::format("{} must hold strings only", key));
    out.push_back(s->get());
  }
  return out;
}

std::string toml_section::choice(std::string_view key, std::string otherwise,
                                 const std::vector<std::string>& choices) {
  auto value = text(key, std::move(otherwise));
  for (const auto& c : choices)
    if (c == value) return value;
  fail(key,
       fmt::format("{} must be one of {}; it is \"{}\"", key, fmt::join(choices, ", "), value));
}

toml_section toml_section::section(std::string_view key) {
  const auto* v = node_->ask(key);
  auto n = std::make_shared<node>();
  n->document = node_->document;
  n->file = node_->file;
  n->name = key;
  n->line = line_of(key);
  if (v != nullptr) {
    n->table = v->as_table();
    if (n->table == nullptr)
      fail(key, fmt::format("{} must be a table, not {}", key, with_article(v->type())));
  }
  return toml_section{std::move(n)};
}

std::vector<toml_section> toml_section::sections(std::string_view key) {
  const auto* v = node_->ask(key);
  if (v == nullptr) return {};
  const auto* list = v->as_array();
  if (list == nullptr) fail(key, fmt::format("{0} must be written [[{0}]], once per entry", key));
  std::vector<toml_section> out;
  for (const auto& e : *list) {
    auto n = std::make_shared<node>();
    n->document = node_->document;
    n->file = node_->file;
    n->name = key;
    n->table = e.as_table();
    n->line = static_cast<int>(e.source().begin.line);
    if (n->table == nullptr)
      fail(key, fmt::format("{0} must be written [[{0}]], once per entry", key));
    out.push_back(toml_section{std::move(n)});
  }
  return out;
}

std::vector<std::string> toml_section::keys() const {
  std::vector<std::string> out;
  if (node_->table != nullptr)
    for (const auto& [key, value] : *node_->table) out.emplace_back(key.str());
  return out;
}

void toml_section::finish() const {
  for (const auto& key : keys()) {
    if (node_->known.contains(key)) continue;
    fail(key, node_->name.empty() ? fmt::format("unknown key {}", key)
                                  : fmt::format("unknown key {} in [{}]", key, node_->name));
  }
}

void toml_section::fail(std::string_view key, const std::string& text) const {
  throw configuration_error(fmt::format("{}:{}: {}", node_->file, line_of(key), text));
}

int toml_section::line_of(std::string_view key) const {
  if (node_->table != nullptr)
    for (const auto& [k, value] : *node_->table)
      if (k.str() == key) return static_cast<int>(k.source().begin.line);
  return node_->line;
}

int toml_section::line() const {
  return node_->line;
}
const std::string& toml_section::file() const {
  return node_->file;
}

}  // namespace consentry

#include "base/strict_toml.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <fstream>

#include "base/check.h"

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

thread_local toml_problem_collector* collector_of_thread = nullptr;

// Edits that make one of the other: letters added, left out or changed.
std::size_t edits_between(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = std::exchange(row[j], std::min({changed, row[j] + 1, row[j - 1] + 1}));
    }
  }
  return row.back();
}

// "did you mean \"weight\"?" where one of the words is near.
template <class Words>
std::string hint_for(std::string_view given, const Words& words) {
  std::string best;
  std::size_t least = given.size() < 4 ? 2 : 3;
  if (given.size() > 64) return {};
  for (const std::string& w : words)
    if (const auto n = edits_between(given, w); n < least) {
      least = n;
      best = w;
    }
  return best.empty() ? std::string{} : fmt::format("did you mean \"{}\"?", best);
}

}  // namespace

toml_error::toml_error(toml_problem p)
    : configuration_error{fmt::format("{}:{}: {}", p.file, p.line, p.text)},
      problem_{std::move(p)} {}

toml_problem_collector::toml_problem_collector() {
  CONSENTRY_CHECK(collector_of_thread == nullptr);
  collector_of_thread = this;
}

toml_problem_collector::~toml_problem_collector() {
  collector_of_thread = nullptr;
}

toml_problem_collector* toml_problem_collector::current() noexcept {
  return collector_of_thread;
}

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
    throw toml_error({name,
                      static_cast<int>(e.source().begin.line),
                      static_cast<int>(e.source().begin.column),
                      std::string{e.description()},
                      {}});
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
  if (s == nullptr) {
    complain(key, fmt::format("{} must be a string, not {}", key, with_article(v->type())));
    return otherwise;
  }
  return s->get();
}

std::string toml_section::required_text(std::string_view key) {
  auto value = text(key, "");
  if (value.empty()) complain(key, fmt::format("{} is required", key));
  return value;
}

std::int64_t toml_section::integer(std::string_view key, std::int64_t otherwise, std::int64_t least,
                                   std::int64_t most) {
  const auto* v = node_->ask(key);
  if (v == nullptr) return otherwise;
  const auto* n = v->as_integer();
  if (n == nullptr) {
    complain(key, fmt::format("{} must be an integer, not {}", key, with_article(v->type())));
    return otherwise;
  }
  if (n->get() < least || n->get() > most) {
    complain(key, fmt::format("{} must be between {} and {}, not {}", key, least, most, n->get()));
    return otherwise;
  }
  return n->get();
}

double toml_section::number(std::string_view key, double otherwise, double least, double most) {
  const auto* v = node_->ask(key);
  if (v == nullptr) return otherwise;
  const auto n = v->is_number() ? v->value<double>() : std::nullopt;
  if (!n) {
    complain(key, fmt::format("{} must be a number, not {}", key, with_article(v->type())));
    return otherwise;
  }
  if (!(*n >= least && *n <= most)) {
    complain(key, fmt::format("{} must be between {} and {}, not {}", key, least, most, *n));
    return otherwise;
  }
  return *n;
}

bool toml_section::flag(std::string_view key, bool otherwise) {
  const auto* v = node_->ask(key);
  if (v == nullptr) return otherwise;
  const auto* b = v->as_boolean();
  if (b == nullptr) {
    complain(key, fmt::format("{} must be true or false, not {}", key, with_article(v->type())));
    return otherwise;
  }
  return b->get();
}

std::vector<placed_text> toml_section::placed_texts(std::string_view key) {
  const auto* v = node_->ask(key);
  if (v == nullptr) return {};
  const auto* list = v->as_array();
  std::vector<placed_text> out;
  if (list == nullptr) {
    complain(key,
             fmt::format("{} must be a list of strings, not {}", key, with_article(v->type())));
    return out;
  }
  for (const auto& e : *list) {
    const auto* s = e.as_string();
    if (s == nullptr) {
      complain(key, fmt::format("{} must hold strings only", key));
      continue;
    }
    const auto at = e.source().begin;
    out.push_back({s->get(), static_cast<int>(at.line), static_cast<int>(at.column)});
  }
  return out;
}

std::vector<std::string> toml_section::texts(std::string_view key) {
  std::vector<std::string> out;
  for (auto& t : placed_texts(key)) out.push_back(std::move(t.text));
  return out;
}

std::string toml_section::choice(std::string_view key, std::string otherwise,
                                 const std::vector<std::string>& choices) {
  auto value = text(key, otherwise);
  if (std::find(choices.begin(), choices.end(), value) != choices.end()) return value;
  complain(key,
           fmt::format("{} must be one of {}; it is \"{}\"", key, fmt::join(choices, ", "), value),
           hint_for(value, choices));
  return otherwise.empty() ? choices.front() : otherwise;
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
      complain(key, fmt::format("{} must be a table, not {}", key, with_article(v->type())));
  }
  return toml_section{std::move(n)};
}

std::vector<toml_section> toml_section::sections(std::string_view key) {
  const auto* v = node_->ask(key);
  if (v == nullptr) return {};
  const auto* list = v->as_array();
  std::vector<toml_section> out;
  const auto wrong = fmt::format("{0} must be written [[{0}]], once per entry", key);
  if (list == nullptr) {
    complain(key, wrong);
    return out;
  }
  for (const auto& e : *list) {
    auto n = std::make_shared<node>();
    n->document = node_->document;
    n->file = node_->file;
    n->name = key;
    n->table = e.as_table();
    n->line = static_cast<int>(e.source().begin.line);
    if (n->table == nullptr) {
      complain(key, wrong);
      continue;
    }
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
    complain(key,
             node_->name.empty() ? fmt::format("unknown key {}", key)
                                 : fmt::format("unknown key {} in [{}]", key, node_->name),
             hint_for(key, node_->known));
  }
}

toml_problem toml_section::problem_at(std::string_view key, std::string text,
                                      std::string hint) const {
  toml_problem p{node_->file, node_->line, 1, std::move(text), std::move(hint)};
  if (node_->table == nullptr) return p;
  for (const auto& [k, value] : *node_->table) {
    if (k.str() != key) continue;
    p.line = static_cast<int>(k.source().begin.line);
    p.column = static_cast<int>(k.source().begin.column);
  }
  return p;
}

void toml_section::complain(std::string_view key, std::string text, std::string hint) const {
  auto p = problem_at(key, std::move(text), std::move(hint));
  auto* const collector = toml_problem_collector::current();
  if (collector == nullptr) throw toml_error(std::move(p));
  collector->note(std::move(p));
}

void toml_section::fail(std::string_view key, const std::string& text) const {
  throw toml_error(problem_at(key, text));
}

void toml_section::fail(const placed_text& at, const std::string& text) const {
  throw toml_error({node_->file, at.line, at.column, text, {}});
}

int toml_section::line_of(std::string_view key) const {
  return problem_at(key, {}).line;
}

int toml_section::line() const {
  return node_->line;
}
const std::string& toml_section::file() const {
  return node_->file;
}

}  // namespace consentry

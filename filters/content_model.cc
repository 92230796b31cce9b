#include "filters/content_model.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <set>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "base/secret.h"
#include "base/strict_toml.h"
#include "base/text.h"

namespace consentry::filters {
namespace {

constexpr double row_unit = 100;  // rows are written in hundredths
constexpr std::size_t piece_words = 100;
constexpr std::size_t piece_step = 50;
constexpr std::size_t rows_max = 100'000;
constexpr std::size_t stem_letters = 6;
constexpr double piece_weight = 0.8;  // many pieces are many chances to be mistaken
constexpr double said_from = 0.7;     // of what holds
constexpr double score_most = 1.5;    // of a category's weight: alone it holds, it does not refuse

bool is_plain_letter(char c) {
  return c >= 'a' && c <= 'z';
}

// A capital I and an l look the same, so that they are read as the same.
std::uint64_t hash_of(std::string_view word, bool is_stem = false) {
  std::uint64_t h = 0xCBF2'9CE4'8422'2325u;
  for (const char c : word) {
    h ^= static_cast<unsigned char>(c == 'l' ? 'i' : c);
    h *= 0x0000'0100'0000'01B3u;
  }
  if (is_stem) h = ~h;
  return (h ^ (h >> 29)) * 0x9E37'79B9'7F4A'7C15u;
}

// Between blanks: an address of the web or of mail.
bool is_address(std::string_view chunk) {
  for (std::size_t i = 0; i < chunk.size(); ++i) {
    if (is_plain_letter(chunk[i])) continue;
    if (chunk[i] == '@' || (chunk[i] == ':' && chunk.substr(i, 3) == "://")) return true;
    if (chunk[i] == '.' && i > 0 && i + 1 < chunk.size() && is_plain_letter(chunk[i + 1]) &&
        (is_plain_letter(chunk[i - 1]) || (chunk[i - 1] >= '0' && chunk[i - 1] <= '9')))
      return true;
  }
  return false;
}

// So that no sender can choose words that meet in one place of a hash table.
std::uint64_t salted(std::uint64_t hash) {
  static const std::uint64_t salt = random_u64();
  return hash ^ salt;
}

double sigmoid(double x) {
  return 1 / (1 + std::exp(-x));
}

}  // namespace

std::uint64_t content_model::pair_of(std::uint64_t first, std::uint64_t second) noexcept {
  const std::uint64_t h = (first << 23 | first >> 41) ^ second * 0xD6E8'FEB8'6659'FD93u;
  return (h ^ (h >> 32)) * 0x9E37'79B9'7F4A'7C15u;
}

void content_model::add_words(std::string_view folded, std::vector<word>& out) {
  for (std::size_t at = 0; at < folded.size() && out.size() < words_max;) {
    const std::size_t chunk_begin = at;
    while (at < folded.size() && folded[at] != ' ' && folded[at] != '\n') ++at;
    const std::size_t chunk_end = at++;
    if (is_address(folded.substr(chunk_begin, chunk_end - chunk_begin))) continue;
    for (std::size_t i = chunk_begin; i < chunk_end; ++i) {
      const std::size_t begin = i;
      while (i < chunk_end && is_plain_letter(folded[i])) ++i;
      if (i - begin < 2) continue;
      const std::string_view letters = folded.substr(begin, i - begin);
      out.push_back(
          {hash_of(letters),
           letters.size() > stem_letters ? hash_of(letters.substr(0, stem_letters), true) : 0,
           static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(i)});
    }
  }
}

std::uint32_t content_model::find(std::uint64_t hash) const noexcept {
  if (!sieve_[hash >> (64 - sieve_bits)]) return unknown;
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t at = hash & mask; slots_[at] != unknown; at = (at + 1) & mask)
    if (hashes_[slots_[at]] == hash) return slots_[at];
  return unknown;
}

void content_model::add_row(std::uint64_t hash, std::span<const int> row, double rarity) {
  hashes_.push_back(hash);
  rarities_.push_back(static_cast<float>(rarity * rarity));
  rows_.resize(rows_.size() + row_size);
  std::transform(row.begin(), row.end(), rows_.end() - row_size,
                 [](int v) { return static_cast<std::int16_t>(v); });
}

void content_model::index() {
  std::size_t size = 1024;
  while (size < 2 * hashes_.size()) size *= 2;
  slots_.assign(size, unknown);
  for (std::uint32_t i = 0; i < hashes_.size(); ++i) {
    std::size_t at = hashes_[i] & (size - 1);
    while (slots_[at] != unknown) at = (at + 1) & (size - 1);
    slots_[at] = i;
    sieve_.set(hashes_[i] >> (64 - sieve_bits));
  }
}

// Of one text: which rows its words and pairs have, looked up once for all pieces.
class content_model::reading {
 public:
  reading(const content_model& m, std::span<const word> subject, std::span<const word> text)
      : model_{m} {
    look_up(subject, subject_);
    look_up(text, text_);
    seen_.assign(model_.hashes_.size() + strange_.size(), 0);
  }

  // Of the subject and the words [begin, end) of the text.
  opinion judge(std::size_t begin, std::size_t end) {
    ++piece_;
    sums_.fill(0);
    rarity_ = 0;
    add(subject_, 0, subject_.size());
    add(text_, begin, end);
    const double length = std::max(model_.length_, std::sqrt(rarity_));
    std::array<double, row_size> likely{};
    const std::size_t classes = model_.intercepts_.size();
    for (std::size_t k = 0; k < classes; ++k)
      likely[k] = model_.intercepts_[k] + sums_[k] / row_unit / length;
    opinion out;
    out.forbidden =
        sigmoid(*std::max_element(likely.begin() + 1, likely.begin() + classes) - likely[0]);
    double all = 0;
    for (std::size_t k = 1; k < classes; ++k) all += likely[k] = sigmoid(likely[k]);
    for (std::size_t k = 1; k < classes; ++k) out.shares.push_back(out.forbidden * likely[k] / all);
    out.begin = begin;
    out.end = end;
    return out;
  }

 private:
  // Of a word, of its stem, of it and the next.
  struct known_word {
    std::uint32_t self = unknown;
    std::uint32_t stem = unknown;
    std::uint32_t pair = unknown;
  };
  using rows = std::vector<known_word>;

  void look_up(std::span<const word> words, rows& out) {
    out.reserve(words.size());
    for (std::size_t i = 0; i < words.size(); ++i) {
      known_word& w = out.emplace_back();
      w.self = model_.find(words[i].hash);
      if (w.self == unknown)
        w.self = static_cast<std::uint32_t>(
            model_.hashes_.size() +
            strange_.try_emplace(salted(words[i].hash), strange_.size()).first->second);
      if (words[i].stem != 0) w.stem = model_.find(words[i].stem);
      if (i + 1 < words.size()) w.pair = model_.find(pair_of(words[i].hash, words[i + 1].hash));
    }
  }

  void add(const rows& words, std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      add(words[i].self);
      add(words[i].stem);
      if (i + 1 < end) add(words[i].pair);
    }
  }

  // What is said twice counts once.
  void add(std::uint32_t row) {
    if (row == unknown || seen_[row] == piece_) return;
    seen_[row] = piece_;
    if (row >= model_.hashes_.size()) {
      rarity_ += model_.unknown_ * model_.unknown_;
      return;
    }
    const std::int16_t* const values = model_.rows_.data() + row * row_size;
    for (std::size_t k = 0; k < row_size; ++k) sums_[k] += values[k];
    rarity_ += model_.rarities_[row];
  }

  const content_model& model_;
  std::unordered_map<std::uint64_t, std::size_t> strange_;  // words that the model does not know
  std::vector<std::uint32_t> seen_;  // by row, then by strange word: the piece that counted it last
  rows subject_;
  rows text_;
  std::array<std::int32_t, row_size> sums_{};
  double rarity_ = 0;
  std::uint32_t piece_ = 0;
};

content_model::opinion content_model::judge(std::span<const word> subject,
                                            std::span<const word> text) const {
  reading r{*this, subject, text};
  opinion worst = r.judge(0, text.size());
  if (text.size() * 2 <= piece_words * 3) return worst;
  for (std::size_t begin = 0; begin + piece_step < text.size(); begin += piece_step) {
    opinion o = r.judge(begin, std::min(begin + piece_words, text.size()));
    o.forbidden *= piece_weight;
    for (double& s : o.shares) s *= piece_weight;
    if (o.forbidden > worst.forbidden) worst = std::move(o);
  }
  return worst;
}

double content_model::score(const opinion& o, std::size_t category) const {
  const double best = *std::max_element(o.shares.begin(), o.shares.end());
  const double share = o.shares[category];
  if (best <= 0 || share < best / 2 || o.forbidden < said_from * holds_from_) return 0;
  const double certainty = std::pow(o.forbidden / holds_from_, 3);
  return weights_[category] * std::min(certainty, score_most) * share / best;
}

std::vector<content_model::word> content_model::strongest(std::span<const word> piece,
                                                          std::size_t category,
                                                          std::size_t most) const {
  std::vector<std::pair<int, word>> all;
  std::set<std::uint32_t> seen;
  const auto add = [&](std::uint64_t hash, const word& place) {
    const std::uint32_t row = find(hash);
    if (row == unknown || !seen.insert(row).second) return;
    const std::int16_t* const values = rows_.data() + row * row_size;
    if (const int gain = values[category + 1] - values[0]; gain > 0) all.emplace_back(gain, place);
  };
  for (std::size_t i = 0; i < piece.size(); ++i) {
    add(piece[i].hash, piece[i]);
    if (piece[i].stem != 0) add(piece[i].stem, piece[i]);
    if (i + 1 < piece.size())
      add(pair_of(piece[i].hash, piece[i + 1].hash),
          {piece[i].hash, 0, piece[i].begin, piece[i + 1].end});
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return std::tuple{-a.first, a.second.begin} < std::tuple{-b.first, b.second.begin};
  });
  std::vector<word> out;
  for (const auto& [gain, w] : all) {
    if (out.size() == most) break;
    const bool is_new = std::none_of(out.begin(), out.end(), [&w = w](const word& other) {
      return w.begin < other.end && other.begin < w.end;
    });
    if (is_new) out.push_back(w);
  }
  return out;
}

namespace {

// The blank-separated numbers of a line; false for anything else.
bool read_numbers(std::string_view text, std::vector<int>& out) {
  out.clear();
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end) {
    int value = 0;
    const auto [next, error] = std::from_chars(at, end, value);
    if (error != std::errc{} || value < INT16_MIN || value > INT16_MAX) return false;
    if (next != end && *next != ' ') return false;
    out.push_back(value);
    at = next == end ? end : next + 1;
  }
  return true;
}

std::vector<double> hundredths(toml_section& t, const std::string& key, std::size_t count) {
  std::vector<int> numbers;
  if (!read_numbers(t.required_text(key), numbers) || numbers.size() != count)
    t.fail(key, std::to_string(count) + " whole numbers, in hundredths, are needed here");
  std::vector<double> out;
  for (const int n : numbers) out.push_back(n / row_unit);
  return out;
}

}  // namespace

content_model content_model::read(toml_section t) {
  content_model out;
  out.categories_ = t.texts("categories");
  const std::size_t columns = out.categories_.size() + 1;
  if (out.categories_.empty() || columns > row_size)
    t.fail("categories", "between 1 and " + std::to_string(row_size - 1) + " are needed");
  for (const std::string& c : out.categories_)
    if (c.size() != 2 || (c[0] != 'H' && c[0] != 'S') || c[1] < '1' || c[1] > '8')
      t.fail("categories", "unknown category \"" + c + "\"");
  out.weights_ = hundredths(t, "weights", out.categories_.size());
  out.intercepts_ = hundredths(t, "intercepts", columns);
  out.holds_from_ = t.number("holds_from", 0.7, 0.1, 1);
  out.length_ = t.number("length", 15, 1, 1000);
  out.unknown_ = t.number("unknown", 0, 0, 100);
  const std::string words = t.required_text("words");
  const int first_line = t.line_of("words");
  t.finish();
  int line = first_line;
  std::vector<int> numbers;
  for (const std::string_view row : split(words, '\n')) {
    ++line;
    if (row.empty()) continue;
    const auto bar = row.find('|');
    const auto fail = [&](const std::string& why) {
      throw toml_error{{t.file(), line, 1, why, {}}};
    };
    if (bar == std::string_view::npos || !read_numbers(row.substr(bar + 1), numbers) ||
        numbers.size() != columns + 1)
      fail("a line is \"word|\" or \"word word|\" and " + std::to_string(columns + 1) +
           " whole numbers: how rare it is, then how it speaks for ordinary mail and for each "
           "category, in hundredths");
    std::vector<word> key;
    const bool is_stem = row.substr(0, bar).ends_with('~');
    const std::size_t key_end = is_stem ? bar - 1 : bar;
    add_words(row.substr(0, key_end), key);
    if (key.empty() || key.size() > (is_stem ? 1 : 2) || (is_stem && key_end != stem_letters) ||
        key.back().end != key_end || key.front().begin != 0)
      fail(
          "one word or two of plain small letters, or six letters and a ~, are needed before the "
          "|");
    const auto hash = is_stem           ? hash_of(row.substr(0, key_end), true)
                      : key.size() == 1 ? key[0].hash
                                        : pair_of(key[0].hash, key[1].hash);
    out.add_row(hash, std::span{numbers}.subspan(1), numbers[0] / row_unit);
    if (out.hashes_.size() > rows_max) fail("more than 100000 words");
  }
  if (out.hashes_.empty()) t.fail("words", "no words");
  out.index();
  return out;
}

}  // namespace consentry::filters

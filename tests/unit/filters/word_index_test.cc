#include "filters/word_index.h"

#include <catch2/catch.hpp>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace consentry::filters {
namespace {

std::string random_word(std::mt19937& random, std::string_view alphabet, std::size_t most) {
  std::string out;
  for (std::size_t n = 1 + random() % most; n > 0; --n) out += alphabet[random() % alphabet.size()];
  return out;
}

TEST_CASE("the index finds at each place the words that stand there, as a slow search does") {
  const auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random{seed};
  for (int round = 0; round < 200; ++round) {
    std::set<std::string> words;
    while (words.size() < 60) {
      auto word = random_word(random, round % 2 == 0 ? "ab1" : "abcdehklo19-%", 14);
      if (word_index::may_hold(word)) words.insert(std::move(word));
    }
    const std::vector<std::string> list{words.begin(), words.end()};
    word_index index;
    std::vector<bool> is_whole;
    for (std::uint32_t n = 0; n < list.size(); ++n) {
      is_whole.push_back(random() % 2 == 0);
      index.add(list[n], n, is_whole.back());
    }
    index.finish();
    std::string text;
    for (int n = 0; n < 40; ++n)
      text += list[random() % list.size()] + (random() % 3 == 0 ? " " : "");
    for (std::size_t at = 0; at < text.size(); ++at) {
      const bool may_end_anywhere = random() % 4 == 0;
      std::set<std::pair<std::uint32_t, std::size_t>> expected;
      for (std::uint32_t n = 0; n < list.size(); ++n) {
        const std::size_t end = at + list[n].size();
        if (!text.substr(at).starts_with(list[n])) continue;
        const bool goes_on = end < text.size() && text[end] >= 'a' && text[end] <= 'z';
        if (is_whole[n] && goes_on && !may_end_anywhere) continue;
        expected.emplace(n, end);
      }
      std::set<std::pair<std::uint32_t, std::size_t>> found;
      std::size_t last = 0;
      CHECK(index.each_at(text, at, may_end_anywhere, [&](std::uint32_t id, std::size_t end) {
        CHECK(end >= last);
        last = end;
        CHECK(found.emplace(id, end).second);
        return true;
      }));
      CHECK(found == expected);
    }
  }
}

TEST_CASE("the index stops when it is told to") {
  word_index index;
  for (const auto& [word, id] : {std::pair{"a", 0u}, {"al", 1u}, {"alma", 2u}, {"almafa", 3u}})
    index.add(word, id, false);
  index.finish();
  std::vector<std::uint32_t> found;
  CHECK_FALSE(index.each_at("almafak", 0, false, [&](std::uint32_t id, std::size_t) {
    found.push_back(id);
    return id != 2;
  }));
  CHECK(found == std::vector<std::uint32_t>{0, 1, 2});
}

}  // namespace
}  // namespace consentry::filters

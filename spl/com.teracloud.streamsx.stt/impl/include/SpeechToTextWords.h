// What can be said of the words of a result beside them: their rivals, and keywords among them.
#pragma once

#include <fastctc/types.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "SpeechToTextTypes.h"

namespace speech_to_text {

// For each word of `words` its counterpart among `other`, by the fewest edits (Levenshtein); empty: it has none.
inline std::vector<std::string> counterparts(const std::vector<fastctc::Word>& words,
                                             const std::vector<fastctc::Word>& other) {
  const std::size_t n = words.size();
  const std::size_t m = other.size();
  std::vector<std::vector<std::size_t>> edits(n + 1, std::vector<std::size_t>(m + 1));
  for (std::size_t i = 0; i <= n; ++i) {
    for (std::size_t k = 0; k <= m; ++k) {
      if (i == 0 || k == 0) {
        edits[i][k] = i + k;
        continue;
      }
      const std::size_t changed = edits[i - 1][k - 1] + (words[i - 1].text == other[k - 1].text ? 0 : 1);
      edits[i][k] = std::min(changed, 1 + std::min(edits[i - 1][k], edits[i][k - 1]));
    }
  }
  std::vector<std::string> found(n);
  for (std::size_t i = n, k = m; i > 0 && k > 0;) {
    if (edits[i][k] == edits[i - 1][k - 1] + (words[i - 1].text == other[k - 1].text ? 0 : 1)) {
      found[--i] = other[--k].text;
    } else if (edits[i][k] == 1 + edits[i - 1][k]) {
      --i;
    } else {
      --k;
    }
  }
  return found;
}

// A confusion network over the words of the transcript (Mangu, Brill, Stolcke: "Finding consensus in speech
// recognition", 2000), of its n best readings: each counts by its share of their probability. A confidence is the share
// of the readings that have the word in this place.
inline std::vector<std::vector<WordAlternative>> word_alternatives(const fastctc::Transcript& transcript,
                                                                   double threshold) {
  std::vector<std::map<std::string, double>> shares(transcript.words.size());
  double total = 0;
  for (const fastctc::Alternative& reading : transcript.alternatives) {
    const double share = std::exp(reading.score - transcript.alternatives.front().score);
    total += share;
    const std::vector<std::string> words = counterparts(transcript.words, reading.words);
    for (std::size_t i = 0; i < words.size(); ++i) {
      if (!words[i].empty()) shares[i][words[i]] += share;
    }
  }
  std::vector<std::vector<WordAlternative>> alternatives(transcript.words.size());
  for (std::size_t i = 0; i < shares.size(); ++i) {
    for (const auto& entry : shares[i]) {
      if (entry.second / total >= threshold) alternatives[i].push_back({entry.first, entry.second / total});
    }
    const std::string& own = transcript.words[i].text;
    std::sort(alternatives[i].begin(), alternatives[i].end(),
              [&own](const WordAlternative& one, const WordAlternative& other) {
                if ((one.word == own) != (other.word == own)) return one.word == own;
                return one.confidence > other.confidence;
              });
  }
  return alternatives;
}

// ASCII letters in lower case: what spoken keywords differ in from written ones.
inline std::string fold(std::string text) {
  for (char& letter : text) {
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
  }
  return text;
}
inline std::vector<std::string> split_words(const std::string& phrase) {
  std::vector<std::string> words(1);
  for (const char letter : phrase) {
    if (letter != ' ') {
      words.back().push_back(letter);
    } else if (!words.back().empty()) {
      words.push_back(std::string());
    }
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

// Where the words of a keyword follow each other, upper and lower case alike.
inline std::vector<KeywordMatch> spot_keywords(const std::vector<fastctc::Word>& words,
                                               const std::vector<std::string>& keywords, double threshold) {
  std::vector<std::string> folded;
  for (const fastctc::Word& word : words) folded.push_back(fold(word.text));
  std::vector<KeywordMatch> matches;
  for (const std::string& keyword : keywords) {
    const std::vector<std::string> wanted = split_words(fold(keyword));
    for (std::size_t first = 0; !wanted.empty() && first + wanted.size() <= words.size(); ++first) {
      if (!std::equal(wanted.begin(), wanted.end(), folded.begin() + static_cast<std::ptrdiff_t>(first))) continue;
      KeywordMatch match;
      match.keyword = keyword;
      match.start_s = words[first].start_s;
      match.end_s = words[first + wanted.size() - 1].end_s;
      match.confidence = 1;
      for (std::size_t i = first; i < first + wanted.size(); ++i) {
        match.confidence = std::min(match.confidence, static_cast<double>(words[i].confidence));
      }
      if (match.confidence >= threshold) matches.push_back(match);
    }
  }
  std::stable_sort(matches.begin(), matches.end(),
                   [](const KeywordMatch& one, const KeywordMatch& other) { return one.start_s < other.start_s; });
  return matches;
}

}  // namespace speech_to_text

#include "longform/readings.h"

#include <algorithm>
#include <utility>

namespace fastctc::longform {

void Readings::add(std::vector<Alternative> segment, double start_s) {
  const auto shift = [start_s](auto& parts) {  // words or tokens
    for (auto& part : parts) {
      part.start_s += start_s;
      part.end_s += start_s;
    }
  };
  for (Alternative& reading : segment) {
    shift(reading.words);
    shift(reading.tokens);
  }
  std::vector<Choice> all;
  const std::vector<Choice> none = {{0, 0, 0}};
  const std::vector<Choice>& before = choices_.empty() ? none : choices_.back();
  for (std::size_t i = 0; i < before.size(); ++i) {
    // Choice i before and reading j here: (i + 1) (j + 1) combinations are at least as good.
    for (std::size_t j = 0; j < segment.size() && (i + 1) * (j + 1) <= n_; ++j) {
      all.push_back({before[i].score + segment[j].score, i, j});
    }
  }
  std::stable_sort(all.begin(), all.end(), [](const Choice& a, const Choice& b) { return a.score > b.score; });
  all.resize(std::min(all.size(), n_));
  choices_.push_back(std::move(all));
  segments_.push_back(std::move(segment));
}

std::vector<Alternative> Readings::best() const {
  if (segments_.empty()) return {};
  std::vector<Alternative> result(choices_.back().size());
  std::vector<std::size_t> taken(segments_.size());
  for (std::size_t place = 0; place < result.size(); ++place) {
    std::size_t at = place;
    for (std::size_t segment = segments_.size(); segment-- > 0;) {
      taken[segment] = choices_[segment][at].reading;
      at = choices_[segment][at].before;
    }
    Alternative& whole = result[place];
    for (std::size_t segment = 0; segment < segments_.size(); ++segment) {
      const Alternative& part = segments_[segment][taken[segment]];
      if (!whole.text.empty() && !part.text.empty()) whole.text += ' ';
      whole.text += part.text;
      whole.words.insert(whole.words.end(), part.words.begin(), part.words.end());
      whole.tokens.insert(whole.tokens.end(), part.tokens.begin(), part.tokens.end());
      whole.score += part.score;
      whole.acoustic_score += part.acoustic_score;
      whole.lm_score += part.lm_score;
      whole.bonus_score += part.bonus_score;
    }
  }
  return result;
}

}  // namespace fastctc::longform
